"""The nodes that failed: `Failed`, one of them with all that helps to find out why, and `list_failures`.

An error goes through every node that read the one which raised it and did not catch it.  The node in which it began is found by
following the reads that failed with the very same exception.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .._core.read import BENEATH, Failure, Key, Memo, Node, View, plain_key
from .._text.values import describe_error
from .node_states import NodeStates
from .table import Table


@frozen(eq=False, repr=False)
class Failed:
    """A node that failed."""

    node: Node[Any]
    origin: Node[Any]
    """The node in which the error began: this one, or one that it read, directly or through others."""
    _failure: Failure

    @property
    def error(self) -> BaseException:
        """The exception, as it was when the node failed; who asks again gets another one that says the same."""
        return self._failure.error

    @property
    def traceback(self) -> str:
        """The traceback as text."""
        return self._failure.text

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of the node, by parameter."""
        return read_arguments(self.node)

    def __repr__(self) -> str:
        passed = "" if self.origin == self.node else f", passed on from {self.origin!r}"
        return f"<Failed {self.node!r}: {describe_error(self.error)}{passed}>"


def list_failures(view: View) -> Table[Failed]:
    """Returns what failed in a view, those in which an error began first."""
    standing = NodeStates(view)
    known: dict[Memo, Memo] = {}
    found = [make_failed(memo, known) for memo in _list_failed(standing)]
    found.sort(key=lambda failed: failed.origin != failed.node)
    return tabulate_failures(found)


def tabulate_failures(found: list[Failed]) -> Table[Failed]:
    """Returns a table of nodes that failed."""
    return Table(
        found,
        {
            "node": lambda failed: failed.node,
            "error": lambda failed: describe_error(failed.error),
            "began in": lambda failed: None if failed.origin == failed.node else failed.origin,
        },
    )


def make_failed(memo: Memo, known: dict[Memo, Memo]) -> Failed:
    """Returns a node that failed, by its memo; `known` is that of `find_origin`."""
    assert memo.failure is not None  # noqa: S101  callers ask for what failed
    return Failed(Node._of(memo.state.key), Node._of(find_origin(memo, known).state.key), memo.failure)


def find_origin(memo: Memo, known: dict[Memo, Memo] | None = None) -> Memo:
    """Returns the memo of the node in which the error of a memo began.

    Args:
        memo: one that failed.
        known: what was found for others; is added to, so that who asks for many walks over each once.
    """
    known = {} if known is None else known
    way = [memo]
    while way[-1] not in known:
        failure = way[-1].failure
        reads = (read for read in way[-1].dependencies if read.failure is not None and failure is not None)
        passed = next((read for read in reads if read.failure.mark is failure.mark), None)  # type: ignore[union-attr]
        if passed is None:
            known[way[-1]] = way[-1]
        else:
            way.append(passed)
    known.update(dict.fromkeys(way, known[way[-1]]))
    return known[memo]


def read_arguments(node: Node[Any]) -> Mapping[str, Any]:
    """Returns the arguments of a node, by parameter; by number where its function has other parameters now."""
    if not node.is_current():
        return {str(number): argument for number, argument in enumerate(node._key[1:])}
    bound = node._function.binding.signature.bind(*node.args, **node.kwargs)
    return bound.arguments


def _list_failed(standing: NodeStates) -> list[Memo]:
    found: dict[Key, Memo] = {}
    cache: Any = standing.view.cache
    while cache is not None:
        for key, state in cache.list_states():
            if state.has_failed and key[0] is not BENEATH and key not in found:
                memo = standing.memo(plain_key(key))
                if memo is not None and memo.failure is not None:
                    found[key] = memo
        cache = cache.beneath
    return list(found.values())
