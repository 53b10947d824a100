# What stands for two functions of stacks.py where the driver is compiled; the file itself is not.

cdef extern from "../_core/native/stack.h":
    """
    static inline int dug_lacks_room(long depth) { return has_used(depth, 2); }
    static inline int dug_has_room(void) { return !has_used(FEW_RUNS, 4); }
    """
    bint lacks_room "dug_lacks_room"(long depth)
    bint has_room "dug_has_room"()
