"""Decorated functions and their drivers: the decorators, the decorated function, and the code that runs its nodes."""
