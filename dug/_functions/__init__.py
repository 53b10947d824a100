"""What is decorated, and who runs it: the decorators, the decorated function, and the drivers of its runs."""
