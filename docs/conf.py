"""How Sphinx builds the site."""

import inspect
import re
from importlib import import_module

from sphinx.pycode import ModuleAnalyzer

import dug
from dug.stores import Store
from dug.stores.backend import AnyStore
from dug.stores.redis import RedisStore

project = "dug"
copyright = "The dug developers"
version = release = dug.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # docstrings have Google sections
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "dug"

default_role = "py:obj"  # a name in single backticks, as in docstrings, leads to what it names
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 100
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# A reference to a public name of dug that leads nowhere is a mistake.
# Other names lead out of the site, which is built offline; private ones and type variables stand in annotations only.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!dug\.).*|.*\._.*")]

# Calls take or return objects of these classes.  Nobody makes one by its name, so the package has none; the reference shows them.
UNNAMED = {
    "AsyncSweep": "dug._sweeps.async_sweep",
    "Batch": "dug._batch.batch",
    "Bump": "dug._contexts.kinds",
    "Change": "dug._inspect.change",
    "Comparison": "dug._inspect.compare",
    "Drawable": "dug.draw._drawable",
    "Event": "dug._core.facts.events",
    "Executor": "dug._batch.call_site",
    "Explanation": "dug._inspect.explain",
    "Fact": "dug._inspect.graph",
    "Failed": "dug._inspect.failures",
    "Graph": "dug._inspect.graph",
    "Plan": "dug._inspect.plan",
    "Planned": "dug._inspect.plan",
    "Record": "dug._inspect.record",
    "Result": "dug._sweeps.results",
    "Results": "dug._sweeps.results",
    "Sweep": "dug._sweeps.sweep",
    "Table": "dug._inspect.table",
}
for name, module in UNNAMED.items():
    setattr(dug, name, getattr(import_module(module), name))

# Overloads are for type checkers; a reader wants one signature.
for module in ("dug._functions.memoize", "dug._sweeps.api", "dug._contexts.context", "dug.sources._decorator"):
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    analyzer.overloads.clear()

# Defaults are shown as the source has them, but that of a store does not have those of the options that all share.
for store in (AnyStore, RedisStore, Store):
    store.__signature__ = inspect.signature(store)

PUBLIC = {"ContextMethods": "Context", "Decorated": "Callable[..., Any]"}
"""What stands in signatures for private types."""


def tidy_signature(_app, _what, _name, _obj, _options, signature, returns):
    """Return a signature and what comes back, with type variables by their letters and private types by public ones."""

    def tidy(text):
        text = re.sub(r"~(?:\w+\.)*(\w+)", r"\1", text)
        text = re.sub(r"\b_?([A-Z])(?:_co)?\b", r"\1", text)
        return re.sub(rf"\b({'|'.join(PUBLIC)})\b", lambda found: PUBLIC[found[1]], text)

    return tuple(None if text is None else tidy(text) for text in (signature, returns))


def find_public(app, env, node, content):
    """Lead a reference to a class by its private home to where the reference has it."""
    target = node.get("reftarget", "")
    name = target.rpartition(".")[2]
    if node.get("refdomain") != "py" or name not in UNNAMED or target == f"dug.{name}":
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "class", f"dug.{name}", node, content)


def hide_package(_app, doctree):
    """Show those classes without the name of the package, from which nobody can import them."""
    for signature in doctree.findall(lambda node: node.tagname == "desc_signature"):
        if signature.get("fullname") in UNNAMED and not signature.get("class"):
            for prefix in [child for child in signature.children if child.tagname == "desc_addname"]:
                signature.remove(prefix)


def setup(app):
    """Connect the above."""
    app.connect("autodoc-process-signature", tidy_signature)
    app.connect("missing-reference", find_public)
    app.connect("doctree-read", hide_package)
