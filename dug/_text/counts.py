"""Texts of numbers of things, in the singular where there is one: `count`, `count_failures`."""


def count(number: int, noun: str) -> str:
    """Returns a number with what it is of.

    >>> count(1, "node"), count(0, "node"), count(1200, "value")
    ('1 node', '0 nodes', '1,200 values')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def count_failures(failures: int, errors: int) -> str:
    """Returns how many nodes failed, and in how many of them the error began.

    >>> count_failures(0, 0), count_failures(2, 1)
    ('0 failures', '2 failures from 1 error')
    """
    return f"{count(failures, 'failure')} from {count(errors, 'error')}" if failures else count(failures, "failure")
