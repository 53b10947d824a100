"""The demo that ``python -m dug demo`` shows: a book of equity trades under what-if scenarios.

It is an ordinary program written with dug, and meant to be read in this order: ``market.py`` (inputs),
``book.py`` (trades), ``report.py`` (questions). Nothing else in the package imports it but the command line.
"""
