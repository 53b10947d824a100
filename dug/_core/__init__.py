"""The engine: decides what is found, run, filed and forgotten; knows no I/O, no clock and no event loop.

Others come in by two doors, `drive` and `read`.
"""
