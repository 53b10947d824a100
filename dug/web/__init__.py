"""A page in the browser: `serve` gives a `Page` of a context, sweep, `Live`, flow or file; `Widget` is one for a notebook.

The page is served by a thread of this process, to this machine only, and looks: it runs no node.  Of a file nothing is decoded
or imported.
"""

from ._page import Page, serve
from ._widget import Widget

__all__ = ["Page", "Widget", "serve"]
