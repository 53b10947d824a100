# How verify.py is compiled.

cimport cython

from dug._core.facts.function cimport Function
from dug._core.facts.homes cimport function_of
from dug._core.facts.memo cimport Memo, NodeMemos
cimport dug._core.native.machine as machine
from dug._core.state.cache cimport Cache
from dug._core.state.group cimport CacheGroup
from dug._core.state.scenario cimport ActiveTweaks, Tweak
from dug._core.state.view cimport View
from dug._core.steps.find cimport find, find_masked
from dug._core.steps.finish cimport file_verified
from dug._core.steps.frame cimport Run, _AnyFrame

cdef object BENEATH, IN_THREAD
cdef list _NOTHING, _NONE_WAITING


@cython.final
cdef class Check:
    cdef Run _run
    cdef Memo _candidate
    cdef object _older, _start
    cdef tuple _reads
    cdef list _ends, _waiting
    cdef Py_ssize_t _at, _number
    cdef public Memo memo
    cdef begin(self, Run run, object older)
    cdef _turn_to(self, Memo candidate)
    cdef bint _turn_to_next(self) except -1
    cdef bint _file(self) except -1
    cpdef Memo begin_alone(self)
    @cython.locals(holds=bint)
    cpdef Memo go_on_alone(self, Memo read, object answer)
    @cython.locals(reads=tuple, read=Memo, memo=Memo, has_failed=bint)
    cdef Memo _walk_alone(self, bint holds)
    cpdef object key_of(self, Memo read)
    @cython.locals(holds=bint, asked=list)
    cpdef list go_on(self, object answers)
    @cython.locals(run=Run, tweaks=ActiveTweaks, cache=Cache, home=NodeMemos, memo=Memo, noted=dict)
    cdef Memo _recall(self, Memo read, object start)
    @cython.locals(
        run=Run, reads=tuple, at=Py_ssize_t, end=Py_ssize_t, read=Memo, memo=Memo, asked=list, waiting=list)
    cdef list _look_on(self)
    @cython.locals(read=Memo, memo=Memo, number=Py_ssize_t)
    cdef bint _take(self, object answers) except -1


@cython.locals(check=Check)
cpdef Check verify(Run run)

@cython.locals(memo=Memo)
cdef bint _is_unchanged(Run run, Memo read, object answer, object start) except -1

@cython.locals(plain=Memo, newest=Memo, cache=Cache, is_alone=bint, is_plain=bint)
cpdef object find_candidates(object key, View view, NodeMemos home, long long body)

cpdef object key_asked(object run, Memo read)

cdef object _key_in(Run run, Memo read)

@cython.locals(outer=_AnyFrame, group=CacheGroup)
cpdef forget_reads(Run run, Py_ssize_t count=*)

cpdef bint is_as_before(object key, Memo old, Memo new) except -1

@cython.locals(same=int, function=Function)
cdef bint _is_alike(object named, Memo old, Memo new) except -1
