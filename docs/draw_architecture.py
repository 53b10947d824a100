"""Draws the folders of the package, the lowest layer at the bottom: ``python docs/draw_architecture.py``.

A folder (or a module that stands by itself) is one box, with the first sentence of its docstring.  The layers are those that
``tests/test_architecture.py`` states; the lines are read from the imports in the source: one leads down to each folder that a
folder imports, unless a longer way leads there already.  A test checks that the picture in the repository is up to date.
"""

from __future__ import annotations

import ast
import textwrap
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "explanation" / "architecture.svg"

BOX_WIDTH, BOX_HEIGHT, GAP, FLOOR_HEIGHT, LINE_CHARACTERS = 176, 84, 16, 128, 26

STYLE = """
text { font: 11px system-ui, sans-serif; fill: #222; }
.name { font: bold 13px ui-monospace, monospace; }
rect { fill: #f4f6fa; stroke: #5a6b8c; }
line { stroke: #5a6b8c; stroke-opacity: 0.55; }
svg { background: #fff; }
"""


def find_folder(module: str) -> str:
    """Return the folder of a module, such as ``_core`` for ``dug._core.steps.find``; for ``dug.eq`` it is ``eq``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "dug"


def read_modules(package: Path) -> dict[str, Path]:
    """Return the path of each module of the package, by its dotted name."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def read_imports(module: str, path: Path) -> set[str]:
    """Return the dotted names that a module imports from its package when it runs; type checkers see more."""
    found = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.ImportFrom) and child.level:
                parts = module.split(".")
                parts = parts[: len(parts) - child.level + (path.name == "__init__.py")]
                base = ".".join([*parts, child.module] if child.module else parts)
                found.update(f"{base}.{alias.name}" for alias in child.names)
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def find_edges(package: Path) -> dict[str, set[str]]:
    """Return which folders each folder imports."""
    edges: dict[str, set[str]] = {}
    for module, path in read_modules(package).items():
        folder = find_folder(module)
        imported = {find_folder(name) for name in read_imports(module, path)}
        edges.setdefault(folder, set()).update(imported - {folder, package.name})
    edges.pop(package.name, None)  # it hands names on, and has no logic
    known = set(edges)
    return {folder: targets & known for folder, targets in edges.items()}


def read_layers() -> list[set[str]]:
    """Return the layers as the tests state them, the lowest first."""
    tree = ast.parse((ROOT / "tests" / "test_architecture.py").read_text(encoding="utf-8"))
    stated = next(node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LAYERS")
    layers: list[set[str]] = ast.literal_eval(stated.value)
    return layers


def reduce_edges(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the edges without those that a longer way shows."""
    reachable: dict[str, set[str]] = {}

    def reach(folder: str) -> set[str]:
        if folder not in reachable:
            reachable[folder] = edges[folder].union(*map(reach, edges[folder]))
        return reachable[folder]

    return {
        folder: {one for one in targets if not any(one in reach(other) for other in targets)} for folder, targets in edges.items()
    }


def read_sentence(package: Path, folder: str) -> str:
    """Return the first sentence of the docstring of a folder or module, without markup."""
    path = package / folder / "__init__.py"
    source = path if path.exists() else package / f"{folder}.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    sentence = docstring.split("\n\n")[0].replace("\n", " ").replace("`", "")
    return sentence.partition(". ")[0].rstrip(".:")


def draw(package: Path) -> str:
    """Return the picture as SVG."""
    edges = find_edges(package)
    rows = [sorted(layer) for layer in read_layers()]
    width = max(map(len, rows)) * (BOX_WIDTH + GAP) + GAP
    height = len(rows) * FLOOR_HEIGHT
    corners = {}
    for floor, row in enumerate(rows):
        left = (width - len(row) * (BOX_WIDTH + GAP) + GAP) / 2
        for position, folder in enumerate(row):
            corners[folder] = (left + position * (BOX_WIDTH + GAP), height - (floor + 1) * FLOOR_HEIGHT + GAP)
    lines = [
        draw_line(corners[folder], corners[target])
        for folder, targets in sorted(reduce_edges(edges).items())
        for target in sorted(targets)
        if corners[folder][1] != corners[target][1]  # within a layer the order says enough
    ]
    boxes = [draw_box(package, folder, *corner) for folder, corner in sorted(corners.items())]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
    title = "<title>The folders of dug: each stands above what it imports</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *lines, *boxes, "</svg>", ""])


def draw_line(upper: tuple[float, float], lower: tuple[float, float]) -> str:
    """Return the line from the bottom of one box to the top of another."""
    middle = BOX_WIDTH / 2
    return f'<line x1="{upper[0] + middle:g}" y1="{upper[1] + BOX_HEIGHT:g}" x2="{lower[0] + middle:g}" y2="{lower[1]:g}"/>'


def draw_box(package: Path, folder: str, left: float, top: float) -> str:
    """Return a box with the name of a folder, and what it is for."""
    is_folder = (package / folder).is_dir()
    said = textwrap.wrap(read_sentence(package, folder), LINE_CHARACTERS, max_lines=4, placeholder=" ...")
    rows = [f'<text class="name" x="{left + 8:g}" y="{top + 18:g}">{escape(folder)}{"/" if is_folder else ""}</text>']
    rows += [f'<text x="{left + 8:g}" y="{top + 35 + 13 * number:g}">{escape(line)}</text>' for number, line in enumerate(said)]
    return f'<rect x="{left:g}" y="{top:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>' + "".join(rows)


if __name__ == "__main__":
    PICTURE.write_text(draw(ROOT / "dug"), encoding="utf-8")
