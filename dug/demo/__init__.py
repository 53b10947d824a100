"""The demo that ``python -m dug demo`` shows: a book of equity trades under what-if scenarios.

It is an ordinary program written with dug, and meant to be read in this order: ``market.py`` (inputs),
``book.py`` (trades), ``report.py`` (questions). ``curve.py`` is the first program of the gallery, and ``notebook.py`` makes a
notebook of it. Nothing else in the package imports any of this but the command line.
"""
