"""The engine: looks up, runs, files and forgets; knows no I/O, no clock and no event loop.

Other packages import two doors, `drive` and `read`.  Behind these are its folders, each of which imports only those before it:
`native`, `facts`, `state`, `steps`.
"""
