"""An error on its way from a worker, as plain data: `pack_failure` writes it there, `read_failure` makes a failure of it here.

The exception itself comes along, pickled, where that is allowed and where the worker saw that it can be read again.  Else it is
made of its class and arguments if these are known (`_portable/errors`), and otherwise is a `RecordedError` that says the same.

`RemoteTraceback` is its cause, the traceback there as a text.  `_pickle` and `_unpickle` do so.
"""

import pickle
from typing import Any

from .._core.read import Failure, Imprint
from .._portable.errors import Summary, make_error, write_error
from .._portable.rows import ErrorRow
from .._text.values import STOPPING


class RemoteTraceback(Exception):  # noqa: N818  it is never raised
    """The cause of an error that came from a worker: its text is the traceback there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}" if self.args else ""


def pack_failure(failure: Failure, *, pickles: bool) -> dict[str, Any]:
    """Returns how a node failed, as plain data that JSON can express unless it pickles."""
    row = write_error(0, failure)
    packed: dict[str, Any] = {"type": row.type, "text": row.text, "traceback": row.traceback, "arguments": row.arguments}
    if pickles:
        packed["pickle"] = _pickle(failure)
    return packed


def read_failure(packed: dict[str, Any], *, pickles: bool) -> Failure:
    """Returns the failure that a worker packed; the cause of its exception has the traceback."""
    row = ErrorRow(0, packed["type"], packed["text"], packed["traceback"], packed["arguments"])
    error = _unpickle(packed.get("pickle")) if pickles else None
    error = make_error(row) if error is None else error
    error.__cause__ = RemoteTraceback(row.traceback)
    return Failure(Imprint.of(error), None, Summary(row.traceback))


def _pickle(failure: Failure) -> bytes | None:
    """Returns the pickled exception; None where it cannot be read again, or would be another one."""
    try:
        error = failure.error.with_traceback(None)
        data = pickle.dumps(error, protocol=4)
        again = pickle.loads(data)  # noqa: S301  it was made a line above
        return data if type(again) is type(error) and str(again) == str(error) else None
    except STOPPING:
        raise
    except BaseException:  # noqa: BLE001  it is the user's
        return None


def _unpickle(data: bytes | None) -> BaseException | None:
    if data is None:
        return None
    try:
        error = pickle.loads(data)  # noqa: S301  from a worker of an executor that pickles anyway
    except STOPPING:
        raise
    except BaseException:  # noqa: BLE001  a class that is not here
        return None
    return error if isinstance(error, BaseException) else None
