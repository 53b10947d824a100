"""A page in the browser that shows a context, a sweep or a file: `serve` gives a `Page`, `Widget` one for a notebook's cell.

The page is served by a thread of this process, to this machine only, and looks: it runs no node.  Of a file nothing is decoded
or imported.
"""

from ._page import Page, serve
from ._widget import Widget

__all__ = ["Page", "Widget", "serve"]
