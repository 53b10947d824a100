"""The event loops that runs of coroutine functions live on; one file each, chosen by the loop that the asker is on.

A backend has functions that are awaited by an asker in its own task:

* ``gather(coroutines)`` returns the results of several coroutines that run at the same time;
* ``run_in_thread(call, *args)`` returns what a blocking call gives, made in another thread;
* ``end(tasks)`` cancels tasks that were started here and waits for them, also when who waits is cancelled meanwhile;

three that are called:

* ``launch(frame, run, drive)`` lets a new run be driven to its end in a task of its own, and returns the asker's wait for it;
* ``start(call, variables, on_end)`` lets a coroutine function run in a task of its own, and returns the task;
* ``find_loop()`` returns what is the same wherever this loop is the one in force;

``TaskWait``, the wait of an asker in a task, whose ``sleep()`` and ``leave(reason)`` are awaited, on whatever loop or thread the
run is; and ``CANCELLED``, what is raised in a task that is cancelled, and ``Event``, which is set and awaited on one loop.
"""
