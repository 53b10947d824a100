"""Graphs by hand, for tests of drawing and printing."""

from dug._inspect.graph import Fact, Graph

HOSTILE = [
    'quote " quote',
    "back \\ slash \\N \\n",
    "<b>bold</b>",
    "</TABLE>> <script>alert(1)</script>",
    "&amp; &lt; &",
    "%%{init: {'securityLevel': 'loose'}}%%",
    "]] ); n0 -->|x| n1",
    "end\nclass n0 evil",
    "tab\tnul\x00 bell\x07",
    "turn \u202e around",
    "half \ud800 pair",
    "`markdown` **bold** #35; #quot;",
    "{record|field} $& \\G",
    '"]; n9 [label="injected',
    "--> <!-- -- comment -->",
    "javascript:alert(1)",
    "é ß 日本 🙂",
]


def make_fact(node, **known):
    """The facts about a node that is called like ``module:function(arguments)``, or has any other text."""
    function = node.partition("(")[0]
    return Fact(
        **{
            "node": node,
            "function": function,
            "module": function.partition(":")[0],
            "state": "computed",
            "error": "ValueError: no" if known.get("state") == "failed" else None,
            **known,
        }
    )


def sketch(edges, **known):
    """A graph of text nodes: the dependencies of each, and other facts about some, by the name of the function."""
    nodes = dict.fromkeys([*edges, *(read for reads in edges.values() for read in reads)])
    facts = [make_fact(node, **known.get(node.partition(":")[2].partition("(")[0], {})) for node in nodes]
    return Graph(facts, edges)


BOOK = {"m:book()": ["m:value(1)", "m:value(2)"], "m:value(1)": ["m:spot()"], "m:value(2)": ["m:spot()"]}
"""A book of two values that read one spot."""


def make_wide(count, functions=10, **known):
    """A graph of many nodes, each of which read the one before it and the first; the functions take turns."""
    nodes = [f"m{number % 2}:f{number % functions}({number})" for number in range(count)]
    edges = {node: [nodes[0], nodes[number]] if number else [nodes[0]] for number, node in enumerate(nodes[1:])}
    states = known.get("states", {})
    return Graph([make_fact(node, state=states.get(number, "computed")) for number, node in enumerate(nodes)], edges)
