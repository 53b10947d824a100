"""What random programs of streams do: `draw_stages` draws them, `expect` says what they give in plain Python.

A stage reads sources, leaves and earlier stages, as its *kind* says.  `give` and `give_late` are the bodies of memoised stages; a
test brings the functions that these read.
"""

from __future__ import annotations

from typing import Any

LEAVES, SOURCES, STAGES = 3, 2, 5


def draw_stages(chance: Any, kinds: Any, positions: int = 8) -> list[Any]:
    """Return what each stage does: its kind, what it reads, and a leaf with the position from which it reads that."""
    stages = []
    for number in range(STAGES):
        kind, inputs = chance.choice(kinds), [chance.randrange(SOURCES + number) for _ in range(2)]
        stages.append((kind, inputs, chance.randrange(LEAVES), chance.randrange(positions)))
    return stages


def expect(stages: list[Any], data: list[Any], leaves: list[int], which: int) -> list[int]:
    """Return the items of a stage or source in plain Python; the leaves end with what each of these is shifted by."""
    return [item + leaves[LEAVES + which] for item in _expect_plain(stages, data, leaves, which)]


def _expect_plain(stages: list[Any], data: list[Any], leaves: list[int], which: int) -> list[int]:
    if which < SOURCES:
        return list(data[which])
    kind, (left, right), leaf, position = stages[which - SOURCES]
    items, others = expect(stages, data, leaves, left), expect(stages, data, leaves, right)
    if kind == "chain":
        return items + others
    if kind == "both":
        return [one + other for one, other in zip(items, others, strict=False)]
    if kind in {"nested", "first"}:
        more = sum(others) if kind == "nested" else sum(others[:2])
        return [item + (more if number >= position else 0) for number, item in enumerate(items)]
    if kind == "pairs":
        return [sum(items[number : number + 2]) for number in range(0, len(items), 2)]
    if kind == "choose":
        return items if leaves[leaf] % 2 else others
    values = [item + (leaves[leaf] if number >= position else 0) for number, item in enumerate(items)]
    return [value for value in values if kind != "filter" or value % 3]


def give(  # noqa: C901  a branch for each kind
    stage: Any, *, open_stage: Any, total: Any, head: Any, leaf: Any, boxed: Any = None
) -> Any:
    """Give the items of a stage."""
    kind, (left, right), own, position = stage
    if kind == "both":
        for one, other in zip(open_stage(left), open_stage(right), strict=False):
            yield one + other
        return
    if kind == "choose":
        yield from open_stage(left if leaf(own) % 2 else right)
        return
    if kind == "pairs":
        with open_stage(left).open() as reader:
            for item in reader:
                yield item + next(reader, 0)
        return
    for number, item in enumerate(box[0] for box in boxed(left)) if kind == "boxes" else enumerate(open_stage(left)):
        if kind == "chain":
            yield item
        elif kind == "nested":
            yield item + (total(right) if number >= position else 0)
        elif kind == "first":
            yield item + (sum(head(right, 2)) if number >= position else 0)
        else:
            value = item + (leaf(own) if number >= position else 0)
            if kind != "filter" or value % 3:
                yield value
    if kind == "chain":
        yield from open_stage(right)


async def rest() -> None:
    """Wait for nothing."""


async def give_late(  # noqa: C901, PLR0912  a branch for each kind
    stage: Any, *, open_stage: Any, total: Any, head: Any, leaf: Any, boxed: Any = None, pause: Any = rest
) -> Any:
    """Give the items of a stage, on a loop."""
    kind, (left, right), own, position = stage
    if kind == "both":
        async with open_stage(left).open() as ours, open_stage(right).open() as theirs:
            async for one in ours:
                async for other in theirs:
                    yield one + other
                    break
                else:
                    return
        return
    if kind == "choose":
        async for item in open_stage(left if leaf(own) % 2 else right):
            yield item
        return
    if kind == "pairs":
        async with open_stage(left).open() as reader:
            async for item in reader:
                async for other in reader:
                    yield item + other
                    break
                else:
                    yield item
        return
    number = 0
    async for given in boxed(left) if kind == "boxes" else open_stage(left):
        await pause()
        item = given[0] if kind == "boxes" else given
        if kind == "chain":
            yield item
        elif kind == "nested":
            yield item + (await total(right) if number >= position else 0)
        elif kind == "first":
            yield item + (sum(await head(right, 2)) if number >= position else 0)
        else:
            value = item + (leaf(own) if number >= position else 0)
            if kind != "filter" or value % 3:
                yield value
        number += 1
    if kind == "chain":
        async for item in open_stage(right):
            yield item
