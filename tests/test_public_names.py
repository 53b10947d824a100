"""The names of ``import dug``, and the modules that it loads."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types

import pytest

import dug

PUBLIC = [
    "memoize",
    "source",
    "Context",
    "Scenario",
    "SnapshotError",
    "Cache",
    "CodecError",
    "Node",
    "current_context",
    "bump",
    "shift",
    "scale",
    "UNTWEAKED",
    "COMPILED",
    "sweep",
    "file_source",
    "eq",
    "DugError",
    "NoContextError",
    "ContextError",
    "CycleError",
    "DepthError",
    "DroppedError",
    "StreamChangedError",
    "UnhashableArgumentError",
    "TweakError",
    "CodeDiffersError",
    "WorkerLostError",
    "__version__",
]


def run_python(code):
    """Run code in a fresh interpreter with this one's path, and return the lines it printed."""
    code = f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_all_is_the_list_of_public_names():
    """``dug.__all__`` is exactly the names that are promised."""
    assert sorted(dug.__all__) == sorted(PUBLIC)


def test_nothing_else_is_shown():
    """Apart from the public names the package shows only its own modules."""
    others = {name for name in vars(dug) if name[0].isalpha()} - set(PUBLIC)  # pytest adds names that begin with @

    assert all(isinstance(getattr(dug, name), types.ModuleType) for name in others)
    assert all(getattr(dug, name).__name__.startswith("dug.") for name in others)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in ("UNTWEAKED", "COMPILED", "__version__")])
def test_a_public_name_is_documented(name):
    """Each public function, class and module has a docstring of its own."""
    thing = getattr(dug, name)

    assert inspect.getdoc(thing)
    assert thing.__doc__


@pytest.mark.parametrize("name", [name for name in PUBLIC if name[0].isupper() and name not in ("UNTWEAKED", "COMPILED")])
def test_public_methods_are_documented(name):
    """Each public method and property of a public class has a docstring."""
    members = {
        key: member
        for cls in getattr(dug, name).__mro__
        if cls.__module__.startswith("dug")
        for key, member in vars(cls).items()
        if not key.startswith("_") and (callable(member) or isinstance(member, property | classmethod | staticmethod))
    }

    assert [key for key, member in members.items() if not inspect.getdoc(member)] == []


def test_the_version_is_a_version():
    """``dug.__version__`` has numbers separated by dots."""
    assert dug.__version__[0].isdigit()
    assert "." in dug.__version__


@pytest.fixture(scope="module")
def loaded():
    """The modules that a fresh ``import dug`` adds to what attrs and wrapt load."""
    code = "import attr, attrs, wrapt\nbefore = set(sys.modules)\nimport dug\nprint(*set(sys.modules) - before)\n"
    return set(run_python(code))


def test_import_loads_no_third_party_module_but_attrs_and_wrapt(loaded):
    """A fresh ``import dug`` loads its own modules, the standard library, attrs, wrapt and their imports."""
    made_by_cython = {
        name for name in loaded if name.startswith(("_cython_", "cython_runtime"))
    }  # of no file, for compiled modules
    own = {name.partition(".")[0] for name in loaded - made_by_cython}

    assert own - set(sys.stdlib_module_names) == {"dug"}


def test_import_loads_few_modules(loaded):
    """A fresh ``import dug`` loads a bounded number of its own modules, and none of its services."""
    own = [name for name in loaded if name.startswith("dug")]

    assert len(own) <= 60  # 61 are eight more than before there were folders
    assert not [name for name in own if name.startswith(("dug.testing", "dug.executors", "dug.cli", "dug.demo"))]


@pytest.mark.parametrize(
    "module", "asyncio concurrent decimal hypothesis multiprocessing numpy pandas pytest subprocess tqdm".split()
)
def test_import_does_not_load_what_it_does_not_use(module, loaded):
    """A fresh ``import dug`` adds no event loop, optional package or rarely needed module to what attrs and wrapt load."""
    assert "dug" in loaded
    assert module not in loaded


def test_a_star_import_gives_the_public_names():
    """``from dug import *`` gives the names of ``__all__``."""
    names = run_python("from dug import *\nprint(*sorted(name for name in dir() if name not in ('sys',)))\n")

    assert set(PUBLIC) - {"__version__"} <= set(names)


def test_types_are_shipped():
    """The package says that it has type annotations."""
    done = run_python("import dug, importlib.resources\nprint(importlib.resources.files('dug').joinpath('py.typed').is_file())\n")

    assert done == ["True"]
