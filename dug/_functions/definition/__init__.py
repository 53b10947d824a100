"""The definition of a function: its reach, as data and as text, and whether it is still the same."""
