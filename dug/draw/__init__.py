"""Pictures of a graph: `dot`, `mermaid` and `tree` as text, `svg`, `png` and `html` through Graphviz; `timeline`, its runs.

All of them draw the same: a box for each node, or for each function or module where there are too many nodes to read; the
colour says the state, the thickness of the line says where the time went.  Text needs no other package.  ``svg``, ``png`` and
``html`` need the package graphviz (``pip install "dug[draw]"``) and the program ``dot`` of Graphviz.  ``timeline`` writes trace
events, which Perfetto and speedscope show.
"""

from ._bundle import mimebundle
from ._dot import dot
from ._html import html
from ._mermaid import mermaid
from ._render import png, svg
from ._timeline import timeline
from ._tree import tree

__all__ = ["dot", "html", "mermaid", "mimebundle", "png", "svg", "timeline", "tree"]
