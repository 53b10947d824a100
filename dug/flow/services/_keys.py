"""The names of keys in the server: `Keys`, those of a namespace; `RunKeys`, those of a run, all in one slot of a cluster."""

from attrs import field, frozen

FORMAT = 1


@frozen
class Keys:
    """The names of the keys of a namespace.

    What one signing key cannot read does not lie in the way of another one: the name of the key is a part of all names.
    """

    namespace: str
    signer: str | None = None
    prefix: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        parts = (self.namespace, str(FORMAT), *(() if self.signer is None else (self.signer,)))
        object.__setattr__(self, "prefix", ":".join(parts) + ":")

    @property
    def runs(self) -> str:
        """The ids of runs, by when they were started."""
        return f"{self.prefix}runs"

    @property
    def open(self) -> str:
        """The ids of those runs that go on."""
        return f"{self.prefix}open"

    @property
    def news(self) -> str:
        """The channel that says where something changed."""
        return f"{self.prefix}news"

    def of(self, run: str) -> "RunKeys":
        """Returns the names of the keys of a run."""
        return RunKeys(f"{self.prefix}{{{run}}}:", run)


@frozen
class RunKeys:
    """The names of the keys of a run."""

    prefix: str
    run_id: str

    @property
    def plan(self) -> str:
        """The steps, and how they are wired."""
        return f"{self.prefix}plan"

    @property
    def run(self) -> str:
        """That the run is there, and whether it was cancelled."""
        return f"{self.prefix}run"

    def tape(self, name: str) -> str:
        """The tape of an output or an input."""
        return f"{self.prefix}t:{name}"

    def step(self, name: str) -> str:
        """How far a step is."""
        return f"{self.prefix}s:{name}"

    def claim(self, name: str) -> str:
        """Who works on a step."""
        return f"{self.prefix}c:{name}"

    def letters(self, name: str) -> str:
        """The values that a step skipped."""
        return f"{self.prefix}d:{name}"

    def readers(self, name: str) -> str:
        """How far the readers of a tape are."""
        return f"{self.prefix}r:{name}"
