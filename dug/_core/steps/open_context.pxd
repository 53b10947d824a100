# How open_context.py is compiled.

cimport cython

from dug._core.facts.memo cimport Memo
from dug._core.state.view cimport View
from dug._core.steps.frame cimport OpenContext, Run, _AnyFrame


@cython.locals(then=_AnyFrame, run=Run)
cpdef note(_AnyFrame frame, View view, Memo memo, object start=*)
