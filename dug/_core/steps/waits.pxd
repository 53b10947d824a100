# How waits.py is compiled.
