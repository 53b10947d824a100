"""The first program of the gallery as a notebook: `write` makes the file, `make_notebook` its content, as nbformat 4 has it.

The cells are the parts of ``curve.py`` beside this file, one for each function or class, then its `main`, and a few questions to
go on with.  Nothing is run here, and no package for notebooks is needed.

`_split` parts that file into cells, `QUESTIONS` are the ones to go on with.
"""

from __future__ import annotations

import ast
import json
import re
from errno import EEXIST
from importlib import resources
from pathlib import Path
from typing import Any

import dug  # as in market.py

PROGRAM = "curve.py"

QUESTIONS = [
    (
        "Ask on",
        "`activate` makes a context the one that calls are made in, so that cells need no ``with``.",
        'today = dug.Context(name="today")\ntoday.activate()\nportfolio()',
    ),
    ("What if the quote for ten years were 4 %?", "", "with dug.Context({quote.node(10): 0.04}):\n    print(portfolio())"),
    ("Where does a value come from?", "", "today.explain(discount.node(2))"),
    (
        "What would run?",
        "A plan runs nothing.",
        "with dug.Context({quote.node(30): 0.04}) as scenario:\n    plan = scenario.plan(SWAPS[0].value.node())\nplan",
    ),
    ("What reads what?", "The last line of a cell shows a graph as a picture.", "today.graph(discount.node(2))"),
]
"""What follows the program: a heading, a sentence, and the code of a cell."""


def write(path: str | Path) -> str:
    """Writes the notebook to a new file, and returns what to type now.

    Raises:
        FileExistsError: there is a file, in which somebody may have worked; it stays as it is.
        OSError: the file cannot be written.
    """
    if Path(path).is_file():
        raise FileExistsError(EEXIST, "there is a file already, which may have your work in it. Give another name", str(path))
    Path(path).write_text(json.dumps(make_notebook(), indent=1) + "\n", encoding="utf-8")
    return f"{path} has the first program of the gallery. Type: jupyter lab {path}"


def make_notebook() -> dict[str, Any]:
    """The notebook, as JSON has it: cells without output."""
    source = resources.files(__package__).joinpath(PROGRAM).read_text(encoding="utf-8")
    parts = [*_split(source), _code("main()")]
    for heading, sentence, code in QUESTIONS:
        parts += [_markdown(f"## {heading}\n\n{sentence}".rstrip()), _code(code)]
    return {
        "cells": [{"id": f"cell-{number}", **part} for number, part in enumerate(parts, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "dug": {"version": dug.__version__},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _split(source: str) -> list[dict[str, Any]]:
    """The docstring as text, and the statements as cells: those between two functions or classes together."""
    tree = ast.parse(source)
    lines = source.splitlines()
    cells = [_markdown(_tell(ast.get_docstring(tree) or ""))]
    groups: list[list[ast.stmt]] = []
    for statement in tree.body[1:]:
        if isinstance(statement, ast.If):  # whether it is run as a program
            continue
        if groups and not any(isinstance(one, ast.FunctionDef | ast.ClassDef) for one in (statement, groups[-1][-1])):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return cells + [_code("\n".join(lines[_find_start(group[0]) - 1 : group[-1].end_lineno])) for group in groups]


def _tell(docstring: str) -> str:
    """The docstring as Markdown, without how the program is run."""
    title, _, rest = docstring.partition("\n")
    sentences = re.sub(r"Run it with ``.*?``\.\s+", "", " ".join(rest.split()))
    return f"# {title.rstrip('.')}\n\n{sentences}".replace("``", "`")


def _find_start(statement: ast.stmt) -> int:
    """The number of its first line, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *[decorator.lineno for decorator in decorators]])


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text.splitlines(keepends=True)}


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}
