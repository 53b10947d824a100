"""The same questions to a ``Computation`` of Loman and to dug; both sides give the same answers."""

import dug


def there() -> dict[str, object]:
    """With Loman: nodes have names, the parameters of a function say what it reads, and a copy is asked what if."""
    import loman

    comp = loman.Computation()
    comp.add_node("spot", value=192.0)
    comp.add_node("rate", value=0.0625)
    comp.add_node("forward", lambda spot, rate: spot * (1 + rate))
    comp.add_node("position", lambda forward: 100 * forward)
    comp.add_node("average", lambda position, none: position / none)
    comp.add_node("none", value=0)
    comp.compute("position")
    answers: dict[str, object] = {"a value": comp.v.position}
    comp.compute_all()
    answers["a failure"] = comp.s.average is loman.States.ERROR
    answers["what it reads"] = sorted(comp.get_inputs("forward"))

    scenario = comp.copy()
    scenario.insert("rate", 0.125)
    scenario.compute("position")
    answers["a what-if"] = scenario.v.position
    answers["as it was"] = comp.v.position

    comp.insert("spot", 96.0)
    answers["stale"] = comp.s.position is not loman.States.UPTODATE
    comp.compute("position")
    answers["after an insert"] = comp.v.position
    return answers


def here() -> dict[str, object]:
    """With dug: nodes are calls, a call says what it reads, and a context inside is asked what if."""

    @dug.memoize
    def spot() -> float:
        return 192.0

    @dug.memoize
    def rate() -> float:
        return 0.0625

    @dug.memoize
    def forward() -> float:
        return spot() * (1 + rate())

    @dug.memoize
    def position() -> float:
        return 100 * forward()

    @dug.memoize
    def average() -> float:
        return position() / 0

    with dug.Context() as comp:
        answers: dict[str, object] = {"a value": position()}
        comp.run_all([position.node(), average.node()])
        answers["a failure"] = comp.memo(average.node()).kind == "failed"
        answers["what it reads"] = sorted(node.function.__name__ for node in comp.memo(forward.node()).dependencies)

        with dug.Context(tweaks={rate.node(): 0.125}):
            answers["a what-if"] = position()
        answers["as it was"] = position()

        comp.tweak(spot.node(), 96.0)
        answers["stale"] = position.node() not in comp
        answers["after an insert"] = position()
    return answers


DIFFERENT: dict[str, tuple[object, object]] = {}
"""What differs, there and here."""
