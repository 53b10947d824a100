"""The layers of the design as data, and the package's syntax trees held against them.

``LAYERS`` says which folders there are, the lowest layer first; a module that stands by itself counts as a folder.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path
from types import GenericAlias, UnionType

import pytest

import dug

PACKAGE = Path(dug.__file__).parent

# Imports point down: a module may import those of its own layer that do not import it back, and every layer below.
LAYERS = [
    {"errors", "_text", "_extras"},
    {"_core"},
    {"_functions", "codec", "draw", "eq"},
    {"_inspect", "fingerprint", "sources"},
    {"_batch", "stores"},
    {"_contexts"},
    {"_portable"},
    {"_sweeps", "scenarios", "executors", "snapshot", "streams", "testing", "flow", "compat", "replay", "debug", "live", "web"},
    {"cli", "demo", "__main__"},
]
SURFACES = LAYERS[-1]
ROOT = len(LAYERS)
"""The rank of ``dug`` itself, which hands the public names on."""

# The engine can be read in this order: each file imports only those named before it.  So can its folders, and the doors last.
CORE_ORDER = (
    "native.choose native.machine facts.sparse facts.equality facts.binding facts.imprint facts.failure facts.function "
    "facts.unseen facts.node facts.extra facts.memo facts.homes facts.events facts.tweak state.lock "
    "state.stale state.bits state.scenario state.weak state.protocols state.emptying state.walks state.releasing "
    "state.group state.local state.size state.cache state.view steps.leaving steps.find steps.concurrent_reads steps.frame "
    "steps.marks steps.waits steps.watch steps.call steps.settle steps.open_context steps.bypass steps.begin steps.finish "
    "steps.unwind steps.verify steps.scope steps.fork read drive"
).split()
CORE_FOLDERS = ("native", "facts", "state", "steps")

# What imports nothing of the engine, and the name by which pickles of earlier days find a node.
OUT_OF_ORDER = {"__init__.py", "_node.py"}

DOORS = ("dug._core.drive", "dug._core.read")
# Importers of other files of the core: (module, file of the core): the reason.
BY_OTHER_WAYS = {
    ("dug._functions", "dug._core.native.choose"): "it says where the driver lies, before anything of it is imported",
    ("dug._functions.sync_driver", "dug._core.native.choose"): "the compiled call path calls it with no detour",
    ("dug._functions.sync_driver", "dug._core.native.machine"): "it is compiled with the engine, and has its clock",
}
# Importers of other files of the core for the C types in them, in a ``.pxd``: module: the reason.
BY_LAYOUT = {"dug._functions.sync_driver": "it is compiled with the engine, and C types are found where they are defined"}
MAX_OTHER_WAYS = 5
MAX_HANDED_ON = 30
"""How many functions both doors hand on, besides classes, and constants that the fields of these hold."""

MAX_FLOORS = 13

# Attributes that objects of other packages have, too: who asks an ``Any`` for one means such an object.
OF_OTHERS = {"aclose", "compare", "copy", "flags", "inner", "items", "names", "nbytes", "now", "send", "to_frame"}

THIRD_PARTY = {"errors": set(), "_core": {"attr", "attrs"}}
ANYWHERE = {"attr", "attrs", "wrapt"}
# A file that is named after an optional package may import that at the top; so may these, which need more.
OWN_PACKAGE = {
    "dug.testing": {"hypothesis", "pytest"},
    "dug.codec._pandas_parts": {"numpy", "pandas"},
    "dug.eq._pandas": {"numpy", "pandas"},
    "dug.cli": {"click"},
    "dug.executors.dask": {"distributed"},
    "dug.web._anywidget": {"anywidget", "traitlets"},
}

MAX_MODULE_LINES = 420  # a question, not a rule: a class cut in two to obey a limit is worse
MAX_FUNCTION_LINES = 50
TOO_LONG = {
    "dug._functions.sync_driver": {"fetch"},  # one function, so that each node has few frames of ours in a traceback
    "dug._sweeps.api": {"sweep"},  # two lines, under the documentation of nine arguments and what they raise
}

MAX_LINES_OF_C = 1400
"""How much C there is that was written by hand; what Cython translates is not."""


def find_modules():
    """Return the source path of each module of the package, by its dotted name."""
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("dug", *path.relative_to(PACKAGE).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


MODULES = find_modules()

NAMED_ELSEWHERE = {
    "dug._core.native": {"_caccel"},  # which is C
    "dug._inspect.compare": {"_ContextPair", "_SavedPair"},  # with their files
}
"""Private names in first docstrings that are neither in the file itself nor those of files."""


@cache
def read(module):
    """Return the source of a module."""
    return MODULES[module].read_text(encoding="utf-8")


@cache
def parse(module):
    """Return the syntax tree of a module."""
    return ast.parse(read(module))


def find_folder(module):
    """Return the folder, or the module by itself, that a module of the package is in: ``_core`` for ``dug._core.steps.find``."""
    return module.split(".")[1] if "." in module else module


def find_rank(module):
    """Return the number of the layer that a module belongs to, the lowest first."""
    folder = find_folder(module)
    return ROOT if folder == "dug" else next(rank for rank, folders in enumerate(LAYERS) if folder in folders)


def resolve(module, node):
    """Return the modules that an import statement of a module names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parts = module.split(".")
        is_package = MODULES[module].name == "__init__.py"
        parts = parts[: len(parts) - node.level + is_package]
        base = ".".join([*parts, base] if base else parts)
    inner = [f"{base}.{alias.name}" for alias in node.names]
    found = [name for name in inner if name in MODULES]
    return found if len(found) == len(inner) else [base, *found]


@cache
def walk_imports(module):
    """Return each import statement of a module, and whether it is at the top and whether only type checkers see it."""

    def walk(body_owner, at_top, typing_only):
        for child in ast.iter_child_nodes(body_owner):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield child, at_top, typing_only
            if isinstance(child, ast.expr):
                continue  # which holds no statement
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            checking = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from walk(child, at_top and not inside, typing_only or checking)

    return list(walk(parse(module), at_top=True, typing_only=False))


@cache
def find_named(module):
    """Return the modules whose names a module gives to ``import_module`` as they are."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    calls = [node for node in ast.walk(parse(module)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module"]
    names = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    return {resolve_name(name, package) for name in names}


@cache
def find_laid_out(module):
    """Return the modules from which the ``.pxd`` beside a module takes C types and functions."""
    layout = MODULES[module].with_suffix(".pxd")
    text = layout.read_text(encoding="utf-8") if layout.exists() else ""
    return set(re.findall(r"^from ([\w.]+) cimport", text, re.MULTILINE)) & set(MODULES)


def find_imports(module, *, runtime_only=False):
    """Return the modules that a module imports, anywhere in it."""
    return {
        name
        for node, _, typing_only in walk_imports(module)
        if not (runtime_only and typing_only)
        for name in resolve(module, node)
    }


def find_own_imports(module, *, runtime_only=False, laid_out=True):
    """Return the modules of the package that a module imports, by a statement or by name, or whose C types its ``.pxd`` has."""
    found = find_imports(module, runtime_only=runtime_only) | find_named(module)
    return {name for name in found if name.partition(".")[0] == "dug"} | (find_laid_out(module) if laid_out else set())


def test_the_walk_finds_the_package():
    """The rules are held against the real modules."""
    assert {"dug", "dug.errors", "dug._core", "dug._contexts.context", "dug._functions.sync_driver"} <= set(MODULES)
    assert find_own_imports("dug._contexts.context")


def test_every_folder_has_a_layer():
    """The package and the layers name the same folders."""
    assert {find_folder(name) for name in MODULES} - {"dug"} == set().union(*LAYERS)


def test_nothing_private_lies_loose_in_the_package():
    """A private module is in the folder of its subject."""
    assert [path.name for path in PACKAGE.glob("_*.py") if path.name not in ("__init__.py", "__main__.py")] == []


def test_imports_point_down():
    """A module imports only its own layer and the layers below it."""
    upward = [
        (module, name)
        for module in MODULES
        for name in find_own_imports(module, runtime_only=True)
        if find_rank(name) > find_rank(module) and name != "dug"
    ]

    assert upward == []


def test_errors_import_nothing():
    """``errors`` imports nothing at run time but the language's own."""
    imported = find_imports("dug.errors", runtime_only=True)

    assert imported <= {"__future__", "typing", "collections.abc"}


def test_nothing_inside_the_package_imports_its_root():
    """No module imports ``dug`` itself, which begins import cycles; surfaces use it as its users do."""
    inside = [module for module in MODULES if find_folder(module) not in SURFACES | {"dug"}]

    assert [module for module in inside if "dug" in find_own_imports(module)] == []


def test_no_two_modules_import_each_other():
    """The imports of the package, at run time, have no circle."""
    edges = {module: find_own_imports(module, runtime_only=True) & set(MODULES) for module in MODULES}
    while leaves := [module for module, targets in edges.items() if not targets & (set(edges) - {module})]:
        for leaf in leaves:
            del edges[leaf]

    assert edges == {}


def test_the_core_is_entered_by_its_doors():
    """Outside of ``_core`` nothing imports a file of it but the two doors, not even for an annotation."""
    other_ways = {
        (module, name)
        for module in MODULES
        if find_folder(module) != "_core"
        for name in find_own_imports(module, laid_out=False) - set(DOORS)
        if name == "dug._core" or name.startswith("dug._core.")
    }
    layouts = {module for module in MODULES if find_folder(module) != "_core" and find_laid_out(module)}

    assert other_ways == set(BY_OTHER_WAYS)
    assert layouts == set(BY_LAYOUT)


def test_few_come_into_the_core_by_other_ways():
    """At most five modules import another file of the core, each for a reason."""
    assert len(BY_OTHER_WAYS) + len(BY_LAYOUT) <= MAX_OTHER_WAYS
    assert all((BY_OTHER_WAYS | BY_LAYOUT).values())


def find_handed_on(door):
    """Return the names that a door exports."""
    module = import_module(door)
    return {name: getattr(module, name) for name in module.__all__}


def is_data(name, value):
    """Return whether a thing is a data type, or a constant that a field of one holds; a verb is no data type."""
    is_verb = isinstance(value, type) and name.islower()
    return not is_verb and isinstance(value, type | GenericAlias | UnionType | int | float | str | tuple | frozenset)


def test_the_doors_are_narrow():
    """The doors hand on few functions, besides the data types and their constants."""
    functions = [name for door in DOORS for name, value in find_handed_on(door).items() if not is_data(name, value)]

    assert len(functions) <= MAX_HANDED_ON, functions


def test_one_door_hands_on_what_the_other_does_not():
    """Each name has one door."""
    assert set(find_handed_on(DOORS[0])) & set(find_handed_on(DOORS[1])) == set()


def find_taken(module, door):
    """Yield the names that a module takes from a door: those it imports, and those it asks the door itself for."""
    name = door.rpartition(".")[2]
    taken = [alias.name for node, _, _ in walk_imports(module) if resolve(module, node) == [door] for alias in node.names]
    yield from set(taken) - {name}
    for node in ast.walk(parse(module)) if name in taken else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            yield node.attr


@pytest.mark.parametrize("door", DOORS)
def test_what_a_door_hands_on_is_used_outside(door):
    """No name is handed on for nobody."""
    taken = {name for module in MODULES if find_folder(module) != "_core" for name in find_taken(module, door)}

    assert set(find_handed_on(door)) == taken


def find_circles(edges):
    """Return the groups of modules, as texts, that lead to each other along the edges; each sorted."""
    reach = {module: set(targets) for module, targets in edges.items()}
    for middle in edges:
        for module in edges:
            if middle in reach[module]:
                reach[module] |= reach[middle]
    groups = {
        frozenset(other for other in reach[module] if module in reach[other]) for module in edges if module in reach[module]
    }
    return sorted(" ".join(sorted(group)) for group in groups)


def test_no_two_modules_know_each_other():
    """The imports of the package, those for annotations included, have no circle."""
    names = {module: module.removeprefix("dug.") for module in MODULES}
    edges = {names[module]: {names[name] for name in find_own_imports(module) if name in names} for module in MODULES}

    assert find_circles(edges) == []


def find_asked_of_any(function):
    """Yield the attributes that a function asks of parameters and locals which it calls ``Any`` or ``object``."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    named = [(one.arg, one.annotation) for one in arguments]
    within = list(ast.walk(function))
    named += [(one.target.id, one.annotation) for one in within if isinstance(one, ast.AnnAssign) and is_name(one.target)]
    hidden = {name for name, annotation in named if annotation is not None and ast.unparse(annotation) in {"Any", "object"}}
    for node in within:
        if isinstance(node, ast.Attribute) and is_name(node.value) and node.value.id in hidden and node.attr[:2] != "__":
            yield node.attr


def is_name(node):
    """Return whether a piece of syntax is a name alone."""
    return isinstance(node, ast.Name)


@cache
def find_definers():
    """Return the modules with a class that has an attribute, by its name; protocols are left out."""
    found = {}
    for module in MODULES:
        for owner in ast.walk(parse(module)):
            if isinstance(owner, ast.ClassDef) and "Protocol" not in map(ast.unparse, owner.bases):
                own = {one.name for one in owner.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
                own |= {one.target.id for one in owner.body if isinstance(one, ast.AnnAssign) and is_name(one.target)}
                own |= {one.attr for one in ast.walk(owner) if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)}
                for name in own:
                    found.setdefault(name, set()).add(module)
    return found


@pytest.mark.slow
def test_no_circle_hides_behind_any():
    """What a function asks of an ``Any`` is not what only classes have whose modules, by whatever way, import its own."""
    leads_to = {}

    def find_all_below(module):
        if module not in leads_to:
            below = find_own_imports(module) & set(MODULES)
            leads_to[module] = below.union(*map(find_all_below, below))
        return leads_to[module]

    asked = {
        (module, name)
        for module in MODULES
        for function in ast.walk(parse(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for name in find_asked_of_any(function)
        if name in find_definers() and name not in OF_OTHERS
    }
    hidden = {(module, name) for module, name in asked if all(module in find_all_below(owner) for owner in find_definers()[name])}

    assert hidden == set()


def test_the_house_has_few_floors():
    """The longest way down the imports from folder to folder, those for annotations included, passes at most 13 of them."""
    below = {}
    for module in MODULES:
        if (folder := find_folder(module)) != "dug":
            found = {find_folder(name) for name in find_own_imports(module)}
            below.setdefault(folder, set()).update(found - {folder, "dug"})

    def count_floors(folder, above=()):
        assert folder not in above, (*above, folder)
        return 1 + max((count_floors(name, (*above, folder)) for name in below[folder]), default=0)

    assert max(map(count_floors, below)) <= MAX_FLOORS


def test_the_engine_is_read_in_one_order():
    """In ``_core`` each file imports only those that are read before it."""
    names = [name for name, path in MODULES.items() if name.startswith("dug._core.") and path.name not in OUT_OF_ORDER]
    assert {name.removeprefix("dug._core.") for name in names} == set(CORE_ORDER)
    rank = {f"dug._core.{name}": i for i, name in enumerate(CORE_ORDER)}
    backward = {
        (name, target)
        for name in names
        for target in find_own_imports(name, runtime_only=True)
        if rank.get(target, -1) > rank.get(name, len(rank))
    }

    assert backward == set()


def test_the_folders_of_the_engine_are_read_in_one_order():
    """The order in which the engine is read goes through its folders one by one, and ends at the doors."""
    folders = [name.rpartition(".")[0] for name in CORE_ORDER]

    assert list(dict.fromkeys(folders)) == [*CORE_FOLDERS, ""]
    assert folders == sorted(folders, key=[*CORE_FOLDERS, ""].index)
    assert [name for name, folder in zip(CORE_ORDER, folders, strict=True) if not folder] == ["read", "drive"]


def find_foreign_imports(module):
    """Return the packages that a module imports at its top and may not."""
    allowed = THIRD_PARTY.get(find_folder(module), ANYWHERE | {module.rpartition("._")[2]})
    for prefix, packages in OWN_PACKAGE.items():
        if module == prefix or module.startswith(prefix + "."):
            allowed = allowed | packages
    at_top = {
        name.partition(".")[0]
        for node, top, typing_only in walk_imports(module)
        if top and not typing_only
        for name in resolve(module, node)
    }

    return at_top - set(sys.stdlib_module_names) - {"dug"} - allowed


def test_third_party_imports_are_those_of_the_layer():
    """The core imports attrs only, the rest attrs and wrapt; optional packages only where they belong."""
    assert [(module, found) for module in MODULES if (found := find_foreign_imports(module))] == []


def test_the_core_does_no_input_or_output():
    """``_core`` has no event loop, no files, no bytes, and a clock only among the machine's own means."""
    forbidden = {"asyncio", "time", "os", "io", "pathlib", "json", "socket", "subprocess", "tempfile"}
    core = [module for module in MODULES if find_folder(module) == "_core"]
    found = {(module, name) for module in core for name in find_imports(module) & forbidden}

    assert found <= {
        ("dug._core.native.choose", "os"),  # an environment variable chooses the call path
        ("dug._core.steps.fork", "os"),  # it tells of forks
        ("dug._core.native.machine", "time"),  # how long a run took, for those who ask what is slow
    }


def find_bare_imports(module):
    """Return the lines of the imports inside functions that have no comment, on their line or the line above."""
    lines = read(module).splitlines()
    return [
        node.lineno
        for node, at_top, _ in walk_imports(module)
        if not at_top
        and "#" not in "".join(lines[node.lineno - 1 : node.end_lineno])
        and not lines[node.lineno - 2].strip().startswith("#")
    ]


def test_an_import_inside_a_function_has_its_reason():
    """An import inside a function has a comment with its reason, on its line or the line above."""
    assert [(module, bare) for module in MODULES if (bare := find_bare_imports(module))] == []


def test_a_module_says_first_what_it_is_for():
    """The first statement of every module is a docstring, whose first line ends as a sentence does."""
    first = {module: (ast.get_docstring(parse(module)) or "none").splitlines()[0] for module in MODULES}

    assert {module: line for module, line in first.items() if not line.rstrip().endswith((".", ":"))} == {}


def test_no_module_is_too_long():
    """No module has so many lines that one asks by which verb it splits."""
    lines = {module: len(read(module).splitlines()) for module in MODULES}

    assert {module: number for module, number in lines.items() if number > MAX_MODULE_LINES} == {}


def find_long_functions(module):
    """Return the names of the functions of a module that are too long."""
    functions = (node for node in ast.walk(parse(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name for node in functions if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES}


def test_no_function_is_too_long():
    """No function has more than 50 lines."""
    assert {module: found for module in MODULES if (found := find_long_functions(module))} == TOO_LONG


def test_there_is_little_c():
    """Only the call path, and what Python cannot do, is in C: a rule of the engine is in its Python files."""
    files = [path for suffix in ("*.c", "*.h") for path in (PACKAGE / "_core" / "native").glob(suffix)]

    assert files
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= MAX_LINES_OF_C


def test_the_c_is_read_in_one_order():
    """Each header uses functions of its own and of those included before it only: none is declared ahead of its body."""
    native = PACKAGE / "_core" / "native"
    ahead = {
        (path.name, line)
        for path in (*native.glob("*.h"), *native.glob("*.c"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("static ") and line.endswith(");") and "=" not in line
    }

    assert ahead == set()


def test_module_names_are_nouns_of_their_own():
    """No module is called utils, helpers, common or base, nor like a top-level one of the standard library."""
    names = {module: module.rpartition(".")[2] for module in MODULES}
    top = {module: name for module, name in names.items() if module.count(".") == 1}

    assert [module for module, name in names.items() if name in {"utils", "helpers", "common", "base"}] == []
    assert [module for module, name in top.items() if name in sys.stdlib_module_names] == []


def names_in(module):
    """Return the names that a module defines or uses, attributes included."""
    parts = {ast.Name: "id", ast.Attribute: "attr", ast.FunctionDef: "name", ast.AsyncFunctionDef: "name", ast.ClassDef: "name"}
    return {getattr(node, parts[type(node)]) for node in ast.walk(parse(module)) if type(node) in parts}


@pytest.mark.parametrize("module", MODULES)
def test_a_first_docstring_names_what_is_in_its_file(module):
    """A private name in a file's first docstring is one of the file, or that of another file or folder."""
    said = re.findall(r"(?<!`)`(_\w+)`(?!`)", ast.get_docstring(parse(module)) or "")
    files = {part for other in MODULES for part in other.split(".")}

    assert {*said} - names_in(module) - files <= NAMED_ELSEWHERE.get(module, set())


def test_the_package_root_has_no_logic():
    """``dug/__init__.py`` consists of imports and assignments of names, and of what imports a name when it is asked for."""
    body = parse("dug").body
    checking = [node for node in body if isinstance(node, ast.If)]
    functions = {node.name for node in (*body, *checking[0].orelse) if isinstance(node, ast.FunctionDef)}

    kinds = {type(node).__name__ for node in body} - {"If", "FunctionDef"}
    assert kinds <= {"Expr", "Import", "ImportFrom", "Assign", "AnnAssign"}
    assert functions <= {"__getattr__", "__dir__", "_find_others"}
    assert [ast.unparse(node.test) for node in checking] == ["_typing.TYPE_CHECKING"]
    assert all(isinstance(node, ast.ImportFrom) for node in checking[0].body)
    assert all(isinstance(node, ast.FunctionDef) for node in checking[0].orelse)


def test_what_the_root_loads_late_is_what_type_checkers_see():
    """A name that the root loads when it is asked for comes from the module from which type checkers have it."""
    seen = {
        alias.name: "." * node.level + (node.module or "")
        for node, _, typing_only in walk_imports("dug")
        if typing_only
        for alias in node.names
        if alias.asname is None
    }

    assert seen == dug._HOMES | {"eq": "."}


def test_each_test_file_has_a_name_of_its_own():
    """Two test files of one name in different folders cannot be collected together."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]

    assert {name for name in names if names.count(name) > 1} == set()
