"""How Sphinx builds the site."""

from sphinx.pycode import ModuleAnalyzer

import dug

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

autodoc_member_order = "bysource"
python_maximum_signature_line_length = 100
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# A reference to a public name of dug that leads nowhere is a mistake.
# Other names lead out of the site, which is built offline; private ones and type variables stand in annotations only.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!dug\.).*|.*\._.*")]


def setup(_: object) -> None:
    """Shows the signature of a function where it has overloads, which are for type checkers."""
    for module in ("dug._contexts.context", "dug._contexts.scenario"):
        analyzer = ModuleAnalyzer.for_module(module)
        analyzer.analyze()
        analyzer.overloads.clear()
