/* How much of its stack a thread has left: asked of the system once a thread, and compared with its current address.

   A thread of 8 MB has room for more frames than the interpreter allows in one thread; one of 128 KB, or the main thread under a
   small `ulimit -s`, has not.  The bounds are those of the thread that runs.  Where the system tells none, or a library switches
   to stacks of its own, nothing is known here, and frames are counted only.

   The main thread's limit may be changed while it runs.  It is asked for again whenever the thread has come further down than
   before; down to there the stack is in use already, whatever the limit is by now. */

#include <stdint.h>
#include <string.h>

#define MOST_FRAMES 500 /* in one thread, before a call goes on in another; and at most half of what is allowed */
#ifdef Py_C_RECURSION_LIMIT
#define MOST_C_CALLS Py_C_RECURSION_LIMIT
#elif defined(C_RECURSION_LIMIT)
#define MOST_C_CALLS C_RECURSION_LIMIT /* 3.12 */
#endif

#if defined(__linux__)
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#elif defined(__APPLE__)
#include <pthread.h>
#elif defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#endif

#ifdef _MSC_VER
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL __thread
#endif

#define MOST_OF_MAIN ((uintptr_t)64 << 20) /* the most that the main thread may use: other memory may lie further down */
#define MOST_MARGIN ((uintptr_t)512 << 10) /* the least that a body has, on a stack that is large enough */
#define LEAST_MARGIN ((uintptr_t)16 << 10) /* and on one that is not, but for one of less than twice that */
#define STRIDE ((uintptr_t)64 << 10)
#define PAGE ((uintptr_t)4096) /* or a multiple; where the name ends, a page does */
#define FEW_RUNS 4

typedef struct {
    uintptr_t low, high; /* both 0 where they are not known */
    uintptr_t margin;    /* a chain of runs goes on elsewhere when less is left */
    uintptr_t reserve;   /* and any run when less than this is */
    int is_main;         /* and the system lets its limit be changed */
} Stack;

static THREAD_LOCAL Stack stack_here;
static THREAD_LOCAL uintptr_t enough_above = UINTPTR_MAX; /* a thread whose address is above this needs no check */

/* Sets the bounds of this thread's stack; 0 if the system does not tell. */
static int
ask_bounds(uintptr_t here, Stack *stack)
{
#if defined(__linux__)
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return 0;
    }
    int failed = pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    stack->low = (uintptr_t)low;
    stack->high = (uintptr_t)low + size;
    /* The main thread's stack ends behind the environment, the arguments and this name, which count for its limit. */
    uintptr_t name = (uintptr_t)getauxval(AT_EXECFN);
    stack->is_main = here < name && (name < stack->high || name - stack->high < MOST_OF_MAIN);
    if (stack->is_main) {
        uintptr_t end = name + strlen((const char *)name) + 1 + sizeof(void *);
        stack->high = (end + PAGE - 1) / PAGE * PAGE;
        stack->low = stack->high > MOST_OF_MAIN ? stack->high - MOST_OF_MAIN : 0;
    }
    return !failed && stack->low <= here && here < stack->high;
#elif defined(__APPLE__)
    stack->high = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
    stack->low = stack->high - pthread_get_stacksize_np(pthread_self());
    return stack->low <= here && here < stack->high;
#elif defined(_WIN32)
    ULONG_PTR low, high;
    GetCurrentThreadStackLimits(&low, &high);
    stack->low = low + (16 << 10); /* guard pages */
    stack->high = high;
    return stack->low <= here && here < stack->high;
#else
    return 0;
#endif
}

static void
choose_margins(Stack *stack, uintptr_t low)
{
    uintptr_t size = stack->high - low;
    uintptr_t least = size / 2 < LEAST_MARGIN ? size / 2 : LEAST_MARGIN;
    stack->reserve = size / 4 < MOST_MARGIN ? size / 4 : MOST_MARGIN;
    stack->margin = size / 4 * 3 < MOST_MARGIN ? size / 4 * 3 : MOST_MARGIN;
    stack->reserve = stack->reserve < least ? least : stack->reserve;
    enough_above = low + stack->margin;
}

/* Returns how far down the stack may go now. */
static uintptr_t
ask_limit(Stack *stack)
{
#if defined(__linux__)
    struct rlimit limit;
    if (stack->is_main && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < MOST_OF_MAIN) {
        return stack->high - (uintptr_t)limit.rlim_cur;
    }
#endif
    return stack->low;
}

#if PY_VERSION_HEX >= 0x030D0000
/* 3.13 frees objects that only refer to each other, such as the memos of a chain, as deep as it counts calls in C: to a constant that fits
   8 MB.  Here it is made to fit the stack. */
#define BYTES_A_CALL 128
static THREAD_LOCAL int calls_taken_off;

static void
fit_calls(uintptr_t left)
{
    PyThreadState *thread = PyThreadState_Get();
    int fitting = left / BYTES_A_CALL < MOST_C_CALLS ? (int)(left / BYTES_A_CALL) : MOST_C_CALLS;
    if (thread->c_recursion_remaining > fitting) {
        calls_taken_off += thread->c_recursion_remaining - fitting;
        thread->c_recursion_remaining = fitting;
    }
}
#else
#define calls_taken_off 0
#define fit_calls(left)
#endif

/* True when a call is better made on another stack: this thread, now at `here`, has little of its own left. */
static int
lacks_stack(uintptr_t here, long depth)
{
    Stack *stack = &stack_here;
    if (enough_above == UINTPTR_MAX) {
        if (!ask_bounds(here, stack)) {
            stack->low = stack->high = 0;
        }
        enough_above = 0;
    }
    if (stack->high == 0 || here < stack->low || here >= stack->high) {
        return 0;
    }
    uintptr_t low = ask_limit(stack);
    choose_margins(stack, low);
    uintptr_t left = here > low ? here - low : 0;
    fit_calls(left);
    int lacks = left < stack->reserve || (left < stack->margin && depth >= FEW_RUNS);
    if (stack->is_main && !lacks && enough_above < here - STRIDE) {
        enough_above = here - STRIDE;
    }
    return lacks;
}

/* True when this thread has used up one of so many parts of the frames that the interpreter allows, of which calls in C take some as
   well, or has little stack left for a call that is made inside of so many runs. */
static inline int
has_used(long depth, int parts)
{
    PyThreadState *thread = PyThreadState_Get();
    volatile char mark = 0; /* its address is the current end of the stack */
    int most = 2 * MOST_FRAMES / parts;
#if PY_VERSION_HEX >= 0x030C0000
    int limit = thread->py_recursion_limit, calls = MOST_C_CALLS - thread->c_recursion_remaining - calls_taken_off;
    int frames = limit - thread->py_recursion_remaining;
    if (calls > most || calls > MOST_C_CALLS / parts) {
        return 1;
    }
#else
    int limit = thread->recursion_limit, frames = limit - thread->recursion_remaining;
#endif
    if (frames > most || frames > limit / parts) {
        return 1;
    }
    uintptr_t here = (uintptr_t)&mark;
    return here < enough_above && lacks_stack(here, depth);
}
