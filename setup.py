"""Builds the compiled call path where there is a C compiler.  All about the package itself is in setup.cfg.

``DUG_NO_EXTENSIONS=1`` leaves it out; so does a failing compiler, which is no error: the pure-Python path does the same.
"""

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command import build_ext


class build_ext(build_ext.build_ext):  # noqa: N801  it is the name of the command
    """Says in one line what follows when the call path cannot be compiled."""

    def build_extension(self, ext):
        """Compile it, or say so; as it is optional, whoever called goes on."""
        try:
            super().build_extension(ext)
        except Exception as exc:
            self.warn(f"dug is installed in pure Python, which does the same more slowly: {ext.name} was not compiled ({exc})")
            raise


headers = sorted(map(str, Path("dug/_core/native").glob("*.h")))
call_path = Extension("dug._core.native._caccel", ["dug/_core/native/module.c"], depends=["setup.py", *headers], optional=True)

setup(
    ext_modules=[] if os.environ.get("DUG_NO_EXTENSIONS") else [call_path],
    cmdclass={"build_ext": build_ext},
)
