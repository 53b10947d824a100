"""How fast dug is, beside ``functools.cache``, a recompute written by hand and its peers: ``python -m benchmarks``.

``README.rst`` holds the latest figures and says how to read them. The tests run these files with tiny sizes and assert
nothing about seconds.
"""
