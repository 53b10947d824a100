"""`NotebookPage`, the page in a cell of a notebook: the same script, to which messages of the kernel answer instead of a server.

The kernel answers in its own thread, between cells.  Another thread looks whether anything has moved, and then says so once.
"""

from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

import anywidget
import traitlets

from ._answers import Answers

_FOLDER = Path(__file__).parent / "static"
_PAUSE_S = 0.25
_FIRST = ("head", "rows?text=&function=&state=&sort=&first=0")
"""What the page asks first, as its script writes it."""


class NotebookPage(anywidget.AnyWidget):
    """A page of some answers, to be shown by a notebook."""

    _esm = (_FOLDER / "app.js").read_text(encoding="utf-8")  # for a path, anywidget keeps every widget to tell it of a change
    styles = traitlets.Unicode().tag(sync=True)
    """The style sheet, for this cell alone."""
    kept = traitlets.Dict().tag(sync=True)
    """The answers to the first questions, which a notebook shows when its kernel has ended."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._number = 0
        self._has_told = False
        self._ended = Event()
        super().__init__(
            styles=(_FOLDER / "app.css").read_text(encoding="utf-8"),
            kept={path: said for path in _FIRST for status, said in [self._answer(path)] if status == 200},
        )
        self.on_msg(self._receive)
        self._watcher = Thread(target=self._watch, name="dug.web widget", daemon=True)
        if answers.subject.is_live:
            self._watcher.start()

    def close(self) -> None:
        """Ends the page; again it does nothing."""
        if not self._ended.is_set():
            self._ended.set()
            if self._watcher.is_alive():
                self._watcher.join()
            self._answers.close()
        super().close()

    def _receive(self, widget: Any, asked: Any, buffers: Any) -> None:  # noqa: ARG002  it is called so
        status, said = self._answer(asked["path"], asked["body"])
        self.send({"id": asked["id"], "status": status, "said": said})

    def _answer(self, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        what, _, query = path.partition("?")
        if body is not None:
            return self._answers.try_it(body)
        status, said = self._answers.tell(what, dict(parse_qsl(query, keep_blank_values=True)))
        if what == "head" and status == 200:
            self._number, self._has_told = said["number"], False
        return status, said

    def _watch(self) -> None:
        """Says when the page that was shown is no longer what it would be."""
        while not self._ended.wait(_PAUSE_S):
            if not self._has_told and self._answers.has_moved(self._number):
                self._has_told = True
                self.send({"moved": True})
