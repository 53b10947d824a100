"""`Shown`, the base of what shows itself: HTML in a notebook, colours where rich prints it, lines of text elsewhere.

The writers are imported on first use: most programs show nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sheet import Sheet


class Shown:
    """An object that says what is shown of it, a `Sheet`; making one runs no node."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" in cls.__dict__:  # IPython takes what it finds first, class by class
            cls._repr_pretty_ = Shown._repr_pretty_  # type: ignore[method-assign]

    def _sheet(self) -> "Sheet":
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """The form that Jupyter, VS Code and marimo show."""
        from .markup import write  # loaded when a notebook asks

        return write(self._sheet())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001  the names and the order are IPython's
        """The form that IPython shows on a terminal, and a notebook where it shows text."""
        printer.text(self._write_lines())

    def __rich__(self) -> Any:
        """The form that ``rich.print`` shows."""
        from ._rich import render  # imports an optional package, for which rich itself asks

        return render(self._sheet())

    def _write_lines(self) -> str:
        from .plain import write  # loaded when somebody looks

        return write(self._sheet())
