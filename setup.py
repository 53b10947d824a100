"""Builds the compiled call path where there is a C compiler.  All about the package itself is in setup.cfg.

``DUG_NO_EXTENSIONS=1`` leaves it out; so does a failing compiler, which is no error: the pure-Python path does the same.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

headers = sorted(map(str, Path("dug/_core").glob("_accel_*.h")))
call_path = Extension("dug._core._caccel", ["dug/_core/_accel.c"], depends=["setup.py", *headers], optional=True)

setup(ext_modules=[] if os.environ.get("DUG_NO_EXTENSIONS") else [call_path])
