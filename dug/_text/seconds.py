"""Times as text for people: `in_seconds`."""


def in_seconds(seconds: float) -> str:
    """Returns a time with three digits and a unit that suits it.

    >>> in_seconds(0.01234), in_seconds(75.0), in_seconds(4e-6)
    ('12.3 ms', '75 s', '4 us')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{float(f'{seconds / size:.3g}'):,g} {unit}"
    return f"{float(f'{seconds / 1e-6:.3g}'):g} us"
