"""The text of functions without comments, docstrings and layout: `Sources`, `normalize`; also `plain_of` and `code_of`."""

import ast
import linecache
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from ..proxy import function_of


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


class Sources:
    """The files that functions are in, each parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[tuple[int, str], ast.AST | None]] = {}

    def text_of(self, function: FunctionType) -> str | None:
        """Returns the text of a function, or None where there is none."""
        code = function.__code__
        index = self._files.get(code.co_filename)
        if index is None:
            index = self._files[code.co_filename] = _index(code.co_filename, function.__globals__)
        found = index.get((code.co_firstlineno, code.co_name))
        return None if found is None else normalize(found)


def _index(file: str, space: dict[str, Any]) -> dict[tuple[int, str], ast.AST | None]:
    """Returns the definitions in a file by their first line and name; None for two lambdas that share a line."""
    linecache.checkcache(file)
    try:
        tree = ast.parse("".join(linecache.getlines(file, space)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[tuple[int, str], ast.AST | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[min([node.lineno, *(one.lineno for one in node.decorator_list)]), node.name] = node
        elif isinstance(node, ast.Lambda):
            place = node.lineno, "<lambda>"
            found[place] = None if place in found else node
    return found
