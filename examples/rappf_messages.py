"""A mailbox that greets, in the spelling of rappf: run, recorded and replayed; only the import line is dug's.

Run it with ``python examples/rappf_messages.py FOLDER``, where the recording goes.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from dug.compat import rappf as dag


@dataclass
class Json:
    """What can be recorded."""

    text: str

    def to_json(self):
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, found):
        """Return what the plain data were."""
        return cls(**found)


class Hour(Json):
    """The time of day: a source."""


class Mail(Json):
    """A message that came: a source."""


class Opened(Json):
    """The mailbox was opened: a source."""


class Unread(Json):
    """How many messages are unread."""


class Newest(Json):
    """The last message."""


class Greeting(Json):
    """What is said."""


class CountUnread:
    """Counts what came since the mailbox was opened."""

    def __init__(self):
        self.count = 0

    def __call__(self, *, mail: Mail | None = None, opened: Opened | None = None) -> Unread:
        """Count, or begin again."""
        self.count = 0 if opened is not None else self.count + (mail is not None)
        return Unread(str(self.count))


class KeepNewest:
    """Keeps the last message; gives nothing before the first one."""

    def __init__(self):
        self.newest = None

    def __call__(self, *, mail: Mail | None = None) -> Newest | None:
        """Keep what came."""
        self.newest = mail.text if mail is not None else self.newest
        return None if self.newest is None else Newest(self.newest)


def greet(*, hour: Hour, newest: Newest, unread: Unread) -> Greeting:
    """Greets when the hour strikes, if there was a message: else one of the three is not there."""
    return Greeting(f"{hour.text}: {unread.text} unread, the last one says {newest.text!r}")


class Screen:
    """A sink."""

    def __init__(self):
        self.lines = []

    def __call__(self, *, greeting: Greeting | None = None) -> None:
        """Show a line."""
        self.lines.append(greeting and greeting.text)


UPDATES = [
    [Hour("9 h"), Mail("hello"), Opened("")],
    [Hour("10 h")],
    [Hour("11 h"), Mail("good day")],
    [Mail("good evening")],
    [Opened("")],
    [Hour("13 h"), Mail("bye")],
]


def run(**options):
    """Return what a screen shows in a run."""
    screen = Screen()
    functions = [CountUnread(), KeepNewest(), greet, screen]
    dag.DAG(functions, lambda: None, expected_sources=[Hour, Mail, Opened]).run(**options)
    return screen.lines


def main(folder):
    """Run, record and replay; return what the three screens show."""
    cut = [Hour, Newest, Unread]
    return run(updates=UPDATES), run(updates=UPDATES, capture=cut, location=folder), run(replay=cut, location=folder)


if __name__ == "__main__":
    shown = main(Path(sys.argv[1]))
    print("\n".join(line or "-" for line in shown[0]))
    print(shown[0] == shown[1] == shown[2])
