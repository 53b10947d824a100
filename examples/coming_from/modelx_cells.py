"""The same questions to the cells of modelx and to dug; both sides give the same answers."""

import dug


def there() -> dict[str, object]:
    """With modelx: cells in a space refer to each other by name, and an input replaces the formula of one."""
    import modelx

    space = modelx.new_model().new_space()
    space.rate = 0.02

    def lives(t):
        return lives(t - 1) * (1 - mortality(t - 1)) if t else 1000.0

    def mortality(t):
        return 0.001 * (t + 1)

    def value(t):
        return 0.0 if t == 10 else (lives(t) * mortality(t) + value(t + 1)) / (1 + rate)  # noqa: F821  modelx finds it

    lives, mortality, value = [space.new_cells(formula=formula) for formula in (lives, mortality, value)]
    answers: dict[str, object] = {"a value": value(0)}
    answers["what it reads"] = sorted(str(one.obj.name) for one in lives.preds(5))
    answers["how many are known"] = len(lives)

    mortality[3] = 0.5
    answers["a what-if"] = value(0)
    mortality.clear_at(3)
    answers["as it was"] = value(0)

    space.rate = 0.03
    answers["another rate"] = value(0)
    space.rate = 0.02
    return answers


def here() -> dict[str, object]:
    """With dug: functions refer to each other as in any module, and a tweak replaces the value of one call."""

    @dug.memoize
    def rate() -> float:
        return 0.02

    @dug.memoize
    def lives(t: int) -> float:
        return lives(t - 1) * (1 - mortality(t - 1)) if t else 1000.0

    @dug.memoize
    def mortality(t: int) -> float:
        return 0.001 * (t + 1)

    @dug.memoize
    def value(t: int) -> float:
        return 0.0 if t == 10 else (lives(t) * mortality(t) + value(t + 1)) / (1 + rate())

    with dug.Context() as ctx:
        answers: dict[str, object] = {"a value": value(0)}
        answers["what it reads"] = sorted(node.function.__name__ for node in ctx.memo(lives.node(5)).dependencies)
        answers["how many are known"] = len(ctx.graph().filter(function=lives))

        with dug.Context(tweaks={mortality.node(3): 0.5}):
            answers["a what-if"] = value(0)
        answers["as it was"] = value(0)

        with dug.Context(tweaks={rate.node(): 0.03}):
            answers["another rate"] = value(0)
    return answers


DIFFERENT: dict[str, tuple[object, object]] = {}
"""What differs, there and here."""
