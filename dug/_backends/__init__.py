"""The event loops that runs of coroutine functions live on; one file each, chosen by the loop that the asker is on.

A backend has functions that are awaited by an asker in its own task:

* ``fly(frame, run, drive)`` brings a new run to its end in a task of its own and returns what came of it;
* ``wait(frame, joined)`` waits for a run that somebody else drives, on whatever loop or thread;
* ``gather(coroutines)`` returns the results of several coroutines that run at the same time;
* ``call_aside(call, *args)`` returns what a blocking call gives, made in another thread;
* ``end(tasks)`` cancels tasks that were started here and waits for them, also when who waits is cancelled meanwhile;

two that are called:

* ``start(call, variables, on_end)`` lets a coroutine function run in a task of its own, and returns the task;
* ``find_loop()`` returns what is the same wherever this loop is the one in force;

and ``CANCELLED``, what is raised in a task that is cancelled, and ``Event``, which is set and awaited on one loop.
"""
