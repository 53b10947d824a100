"""Enters pdb where a node fails: `debug` runs its body once more; `_make_driver` answers the calls of the body from memos.

Calls of the body are answered by the memos of the context, errors included, and only unknown nodes are computed.  The result
of the body is shown and forgotten.

First it prints the node that failed, its arguments and what it had read (`_say`).
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pdb import Pdb
from typing import Any

from .._core.drive import evaluate_without_cache
from .._core.read import Memo, Node, Tweak, find_answer, frame_in_force, plain_key
from .._functions.sync_driver import fetch
from .._inspect.failures import read_arguments
from .._inspect.lazy_graph import Origins
from .._inspect.node_states import list_reads, passed_from
from .._text.values import describe_error, show

Driver = Callable[[Node[Any]], Any]


def debug(inside: AbstractContextManager[Any], failure: Memo) -> None:
    """Runs the body of a node that failed, or of the one in which its error began, and enters pdb where it raises.

    Args:
        inside: puts the context in force.
        failure: the memo of the node there.

    Raises:
        TypeError: its function is a coroutine function.
    """
    memo, _ = Origins(passed_from).find(failure)
    failed = Node._of(memo.home.key)
    if failed._function.is_async:
        raise TypeError(f"{failed} is of a coroutine function, which pdb cannot run here. Await its __wrapped__ in the context.")
    with inside:
        _say(memo, failed)
        handle = _find_handle(memo)
        answer = _make_driver(failed, handle)
        with evaluate_without_cache(answer, failed):
            body, args, kwargs = _what_runs(failed, handle, answer)
            try:
                value = body(*args, **kwargs)
            except Exception as exc:  # noqa: BLE001  what is to be debugged
                debugger = Pdb()
                debugger.reset()
                debugger.interaction(None, exc.__traceback__ and exc.__traceback__.tb_next)
                return
        sys.stdout.write(f"It returned {show(value)} this time. ctx.invalidate(node), and ask again.\n")


def _say(memo: Memo, failed: Node[Any]) -> None:
    """Prints the node that failed, its arguments, and the nodes that it had read."""
    assert memo.failure is not None  # noqa: S101  the caller saw it
    lines = [f"{failed} raised {describe_error(memo.failure.error)}"]
    lines += [f"  {name} = {show(value)}" for name, value in read_arguments(failed).items()]
    for key in list_reads(memo):
        read = find_answer(frame_in_force(failed).view, key)
        what = "not known" if read is None else show(read.value) if read.failure is None else describe_error(read.failure.error)
        lines.append(f"  read {Node._of(key)}: {what}")
    sys.stdout.write("\n".join([*lines, ""]))


def _find_handle(memo: Memo) -> Tweak | None:
    """Returns the tweak whose function a memo ran; None for the node's own body."""
    handles = frame_in_force(Node._of(memo.home.key)).view.tweaks.handles
    return next((handle for handle in handles if memo.body and handle.serial == memo.body), None)


def _make_driver(node: Node[Any], handle: Tweak | None) -> Driver:
    """Returns the driver of the body's calls: known memos, else the engine."""
    own = node._key

    def answer(asked: Node[Any]) -> Any:
        frame, key = frame_in_force(asked), asked._key
        if key == own and handle is not None and not handle.spec.is_final:
            key = handle.key_beneath(own)
        memo = find_answer(frame.view, key)
        if memo is not None and memo.failure is not None:
            raise memo.failure.error
        if memo is not None:
            return memo.value
        if plain_key(key)[0].is_async:
            raise TypeError(f"{asked} is of a coroutine function and not known here. Compute it first.")
        frame.driver = None
        try:
            return fetch(frame, key).value
        finally:
            frame.driver = answer

    return answer


def _what_runs(node: Node[Any], handle: Tweak | None, answer: Driver) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    if handle is None or handle.spec.fn is None:
        return node._function.body, node.args, node.kwargs
    if handle.spec.reads_beneath:
        return handle.spec.fn, (answer(node), *handle.spec.args), {}
    return handle.spec.fn, node.args, node.kwargs
