"""Opens a file as a context: `load`, and `Snapshot`, whose `find` finds a live node by the text that a user gives.

Its values answer until something masks them.
"""

from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.read import Node
from .._portable.adopted import adopt
from .._portable.carried import Carried, bring_in
from .._portable.shelf import Shelf
from ._file import Info, SavedFile
from ._rows import FileRows, find_alike, find_node


class Snapshot(Carried):
    """A loaded file: a `dug.Context` with the tweaks that were in force, and a cache with the values that were known.

    Enter it like any other, and contexts inside it.  Values stay in the file until they are asked for; close it when you need no
    more of them.
    """

    def __init__(self, scenario: Scenario, shelf: Shelf, file: SavedFile) -> None:
        super().__init__(scenario, shelf, name=file.info.context or file.path.name)
        self._file = file

    @property
    def info(self) -> Info:
        """The description of the file: when it was saved, by which versions, how much there is."""
        return self._file.info

    def find(self, text: str) -> Node[Any] | None:
        """Returns the node with this text, of the file or computed since, or None where it or its function is not here.

        Raises:
            LookupError: several nodes have it; the message says how to write each of them.

        Complexity: O(nodes of the file) where the file has no such node.
        """
        self._here()
        row = find_node(self._file, text)
        if row is not None:
            return self._shelf.find(row)
        alike = find_alike(self._file, text)
        if alike:
            raise LookupError(f"{len(alike)} nodes have the text {text}. Write one of: {', '.join(alike)}.")
        found = [node for node in (Node._of(key) for key, _ in self._shelf.list_homes()) if str(node) == text]
        if len(found) > 1:
            raise LookupError(f"{len(found)} nodes have the text {text}, which their arguments share. Use the node itself.")
        return found[0] if found else None

    def adopt(self) -> Context:
        """Returns an outermost context with the tweaks and memos of the file, in an ordinary cache, at the full speed of one.

        All values are read at once, after which the file may be closed.  A loaded file asks the file for each node that it does
        not know, and an ordinary cache has nothing to ask: use this where much is computed over a file, as in a worker process.
        What was computed in this context since it was loaded stays here.

        Raises:
            SnapshotError: functions of the file are not here, the message names them; or a value cannot be read.

        .. versionadded:: 0.1.0
        """
        return adopt(self.scenario, self._shelf, name=self.name)[0]

    def close(self) -> None:
        """Closes the file: values that were not asked for cannot be read any more."""
        self._file.close()

    def _say_again(self) -> str:
        return f"Load it once more: snapshot.load({str(self._file.path)!r})."


def load(
    path: "str | PathLike[str]",
    *,
    trust: bool = False,
    recompute_changed: bool = False,
    check_files: bool = True,
    functions: Iterable[Callable[..., Any]] = (),
) -> Snapshot:
    """Opens a file as a context in which every value of it answers, and only masked and missing nodes are computed.

    Functions are found by their names among those that were decorated in this process; nothing is imported.  Import the modules
    whose functions the file tweaks before, any others at any time.  A tweak that cannot be stated here, because the arguments
    of its node were not written or its function is gone, is left out with all nodes that depend on it: see `Snapshot.absent`.

    Args:
        path: the file.
        trust: unpickles pickled values and imports the modules that the file names, which can run any code.
        recompute_changed: treats the memos of functions whose code has changed as stale: they run again, and so do their
            dependents, if the new value differs.
        check_files: reads a file of `dug.sources` again that was edited since, as a live context does, and raises its error where
            it is gone; False for the values as they were saved, whatever became of the files.
        functions: functions that bumps and replacements in the file may name, besides arithmetic.

    Raises:
        SnapshotError: the file is not a snapshot, needs a newer dug or is damaged, or it tweaks a function of a module that is
            not imported.
    """
    file = SavedFile(path)
    try:
        scenario, shelf = bring_in(
            FileRows(file), trust=trust, recompute_changed=recompute_changed, check_files=check_files, functions=functions
        )
        return Snapshot(scenario, shelf, file)
    except BaseException:
        file.close()
        raise
