"""The text of functions without comments, docstrings and layout: `text_of`, `normalize`; also `plain_of` and `code_of`.

A source file is parsed once (`_SourceFile`), and a function is found in it by its line and name.
"""

import ast
import linecache
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from ..proxy import function_of

_Place = tuple[int, str]
"""The line on which a definition begins, decorators included, and its name."""


def plain_of(function: Any) -> Any:
    """Returns the plain function behind a memoised one or a partial."""
    known = function_of(function)
    plain = function if known is None else known.body
    while isinstance(plain, partial):
        plain = plain.func
    return plain


def code_of(plain: Any) -> CodeType | None:
    """Returns the code of a function, or of the call of an instance; None where there is none."""
    code = getattr(plain, "__code__", None) or getattr(vars(type(plain)).get("__call__"), "__code__", None)
    return code if isinstance(code, CodeType) else None


def normalize(tree: ast.AST) -> str:
    """Returns the text of a definition without decorators, docstrings and layout; changes the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def text_of(function: FunctionType) -> str | None:
    """Returns the text of a function, or None where there is none.

    Complexity: O(its text); O(its file) the first time for each file, and after that was edited.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    known = _files.get(code.co_filename)
    if known is None or known.lines is not lines:  # linecache gives the same list until the file is another
        known = _files[code.co_filename] = _SourceFile(lines)
    return known.text_of((code.co_firstlineno, code.co_name))


class _SourceFile:
    """The lines of a file, where its definitions are, and the texts of those that were asked for."""

    __slots__ = ("_places", "_texts", "lines")

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self._places: dict[_Place, int] = {}
        self._texts: dict[_Place, str | None] = {}
        try:
            tree = ast.parse("".join(lines))
        except (SyntaxError, ValueError, RecursionError):
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                self._places[first, node.name] = node.end_lineno or first
            elif isinstance(node, ast.Lambda):
                place = node.lineno, "<lambda>"
                self._texts[place] = None if place in self._texts else normalize(node)  # which of two that share a line?

    def text_of(self, place: _Place) -> str | None:
        """Returns the text of the definition that begins on this line and has this name."""
        if place not in self._texts and place in self._places:
            self._texts[place] = normalize(_parse(self.lines[place[0] - 1 : self._places[place]]))
        return self._texts.get(place)


_files: dict[str, _SourceFile] = {}
"""By path, as linecache keeps their lines: each is parsed once, and not once for each function in it."""


def _parse(lines: list[str]) -> ast.stmt:
    """Parses the lines of one definition, which may be indented."""
    if not lines[0][0].isspace():
        return ast.parse("".join(lines)).body[0]
    (block,) = ast.parse("if True:\n" + "".join(lines)).body
    return block.body[0]  # type: ignore[attr-defined, no-any-return]
