"""Builds what is compiled where there is a C compiler: the call path, and the modules of the engine with a ``.pxd`` beside them.

All about the package itself is in setup.cfg.  ``DUG_NO_EXTENSIONS=1`` leaves both out; so does a failing compiler, which is no
error: the same files run as Python, and do the same.
"""

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command import build_ext

CORE = Path("dug", "_core")
NATIVE = "dug._core.native"
"""The folder of what is compiled; `choose.py` puts it before the folders of the engine, or not."""

BY_NAME = {"machine", "stacks"}
"""Files that are not compiled: what their ``.pxd`` declares is C that others call by their names."""

HOT = {"begin", "cache", "finish", "frame", "homes", "memo", "open_context", "sync_driver", "verify"}
"""What each run comes by is optimised as far as it pays; the rest only so far that a build takes half as long."""

DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,  # types are in the .pxd files alone: annotations are for people and mypy
}


class build_ext(build_ext.build_ext):  # noqa: N801  it is the name of the command
    """Compiles all or nothing: compiled modules know each other's layout."""

    def initialize_options(self):
        """Compile on all cores."""
        super().initialize_options()
        self.parallel = os.cpu_count()

    def build_extensions(self):
        """Compile, or say in one line what follows when that fails."""
        made = [Path(self.get_ext_fullpath(ext.name)) for ext in self.extensions]
        try:
            super().build_extensions()
        except Exception as exc:  # noqa: BLE001  whatever a compiler may do
            self.warn(f"dug is installed in pure Python, which does the same more slowly: not all was compiled ({exc})")
            for path in made:
                path.unlink(missing_ok=True)
            self.extensions = []

    def copy_extensions_to_source(self):
        """Copy what was compiled to the checkout, as for an editable install."""
        for source in find_sources():
            self.mkpath(str(CORE / "native" / source.parent.name))
        super().copy_extensions_to_source()


def find_sources():
    """Return the modules that are compiled."""
    return [path.with_suffix(".py") for path in sorted(Path("dug").rglob("*.pxd")) if path.stem not in BY_NAME]


def translate(sources):
    """Return the extensions of modules, translated to C: by Cython, or before, where that made the archive of the sources."""
    try:
        from Cython.Build import cythonize
    except ImportError:
        return [make(path, ".c") for path in sources]
    return cythonize([make(path, ".py") for path in sources], quiet=True, compiler_directives=DIRECTIVES)


def make(path, suffix):
    """Return the extension of a module, from the file with this suffix.

    Warnings of the C compiler are for Cython's authors; to write down what debuggers need takes a third of the time.  Without
    the table of procedures each call of Python's own functions, of which a run makes hundreds, is one jump less.
    """
    how = ["-w", "-g0", "-fno-plt", "-O2" if path.stem in HOT else "-O1"]
    return Extension(".".join(path.with_suffix("").parts), [str(path.with_suffix(suffix))], extra_compile_args=how)


def list_extensions():
    """Return all extensions; the call path, without which nothing that is compiled is used, comes last."""
    sources = find_sources()
    modules = translate(sources)
    for module, path in zip(modules, sources, strict=True):
        module.name = f"{NATIVE}.{path.parent.name}.{path.stem}"  # which says where it lies, and not what it is called
        module.depends = ["setup.py", str(path), str(path.with_suffix(".pxd"))]
    headers = sorted(map(str, (CORE / "native").glob("*.h")))
    return [*modules, Extension(f"{NATIVE}._caccel", [str(CORE / "native" / "module.c")], depends=["setup.py", *headers])]


setup(ext_modules=[] if os.environ.get("DUG_NO_EXTENSIONS") else list_extensions(), cmdclass={"build_ext": build_ext})
