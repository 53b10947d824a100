"""The compiled call path: C that `module.c` puts together, and the choice between it and the pure one, `choose`."""
