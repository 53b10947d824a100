# How watch.py is compiled.

cimport cython

from dug._core.steps.frame cimport Run, run_of


@cython.locals(around=Run)
cpdef inherit(Run run)
