"""The engine: looks up, runs, files and forgets; knows no I/O, no clock and no event loop.

Other packages import two doors, `drive` and `read`.  Behind these are its folders, each of which imports only those before it:
`native`, `facts`, `state`, `steps`.

To read it: `steps/find` has the rule that decides which memo answers, and why it is right; `facts/memo` has what the rule speaks
of (memos, footprints, homes), `state/scenario` the tweaks in force.  A call that is not a hit goes through `steps/begin`, which
looks it up; `steps/verify`, which may keep an older value; and `steps/finish`, which files the new one.  Between these a driver,
which is not part of the engine (`_functions/sync_driver`), runs the body.

The rules are written once, in Python; only the way to a hit, the call path, is in C as well.  Where there is a C compiler, the
files with a ``.pxd`` beside them are compiled as they stand; `native` has what is C, and chooses between the two builds.
"""
