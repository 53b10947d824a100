"""What is written in C, what Python does in its place (`machine`), and whether the engine runs compiled (`choose`).

``module.c`` and the headers that it includes are one extension, `_caccel`: the call path, which answers hits, and what Python
cannot do.  ``stack.h`` belongs to the synchronous driver (``_functions/stacks.pxd``).  The build puts the compiled modules into
folders here: ``facts/``, ``state/``, ``steps/`` and one for the driver.
"""
