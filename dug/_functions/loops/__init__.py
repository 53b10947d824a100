"""The event loops that run coroutine functions, a file for each; this one has no code and lists what each file offers.

The loop of the asker decides which file is used.  The tasks of asyncio have a file of their own, `_tasks`.

A backend has five functions that an asker awaits in its own task:

* ``gather(coroutines)`` returns the results of several coroutines that run at the same time;
* ``run_in_thread(call, *args)`` returns the result of a blocking call, made in another thread;
* ``take_turn()`` lets the other tasks of the loop have a turn;
* ``end(tasks)`` cancels tasks that were started here and waits for them, also when the caller is cancelled in between;
* ``wait_ended(tasks)`` does the latter only, for tasks that were cancelled;

four that it calls:

* ``launch(frame, run, drive)`` drives a new run to its end in a task of its own, and returns the asker's wait for it, whose
  ``is_over`` says that the run has ended already;
* ``start(call, variables, on_end)`` runs a coroutine function in a task of its own, and returns the task;
* ``find_loop()`` returns an object that identifies the loop in force;
* ``find_time()`` returns the time of that loop's clock;

``TaskWait``, the wait of an asker in a task, whose ``sleep()`` and ``leave(reason)`` are awaited, on whatever loop or thread the
run is; ``Sleep``, the sleep of an asker that several waits can end, whose ``last(seconds)`` is awaited; and ``CANCELLED``, the
exception in a cancelled task, and ``Event``, which is set and awaited on one loop.
"""
