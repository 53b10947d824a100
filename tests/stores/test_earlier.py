"""What nodes read in earlier runs, as steps: of any definition, without what is not kept, and never an error."""

from __future__ import annotations

from itertools import chain

import remote_chain
from remote_chain import bottom, middle, top

import dug
from dug.errors import StoreError
from dug.stores import Store
from dug.stores._backend import Row
from dug.stores._digest import place_of, write_call
from dug.stores._earlier import list_steps
from dug.stores._path import Path, Told, pack


def open_context(tmp_path, **options):
    """Return a context with a store."""
    return dug.Context(store=Store(tmp_path / "store", **{"min_seconds": 0.0, **options}))


def steps_of(ctx, *nodes, is_wanted=lambda key: True):
    """Return the steps beneath nodes, as texts."""
    found = list_steps(ctx.cache.keeper, [node._key for node in nodes], is_wanted)
    return [[f"{key[0].name.partition(':')[2]}{key[1:]}" for key in step] for step in found]


def put(store, node, calls):
    """Keep a run of a node that read some calls."""
    function = node._function
    definition = store.definitions.find(function)
    at = place_of(function.name, definition.print, write_call(node._key))
    path = Path([Told(call, b"d" * 16) for call in calls], [], [])
    packed = pack(path, at, b"v" * 16, function=function.name, arguments="[[],{}]", needs="")
    row = Row(at, function.name, definition.print, "[[],{}]", packed, b"v" * 16, "json", "", b"1", 1, 1.0, 1.0, 1.0)
    store.backend.put([row])


def test_each_step_reads_earlier_ones_only(tmp_path):
    """A diamond is three steps; the target is in none of them."""
    with open_context(tmp_path) as ctx:
        top()

        assert steps_of(ctx, top.node()) == [["bottom(1,)", "bottom(2,)"], ["middle(1,)", "middle(2,)"]]
        assert steps_of(ctx, top.node(), middle.node(1)) == [["bottom(1,)", "bottom(2,)"], ["middle(1,)", "middle(2,)"]]
        assert steps_of(ctx, top.node(), is_wanted=lambda key: key[0] is not middle.node(1)._function) == [["bottom(1,)"]]


def test_what_is_not_kept_is_in_no_step(tmp_path):
    """Runs that took too little time, and those of ``store=False``, are left to who needs them."""
    with open_context(tmp_path, min_seconds=1_000.0) as ctx:
        top()
        assert steps_of(ctx, top.node()) == []
    with open_context(tmp_path) as ctx:
        remote_chain.reads_unkept()
        assert steps_of(ctx, remote_chain.reads_unkept.node()) == []


def test_reads_that_are_not_there_any_more_are_left_out(tmp_path):
    """A path of functions that are gone, of other parameters, or that was damaged, is no step and no error."""
    with open_context(tmp_path) as ctx:
        bottom(1)
        calls = [("nowhere:f", "[[],{}]"), ("remote_chain:bottom", "[[1,2,3],{}]"), ("remote_chain:bottom", "[[1],{}]")]
        put(ctx.store, top.node(), calls)
        assert steps_of(ctx, top.node()) == [["bottom(1,)"]]
        put(ctx.store, middle.node(7), [("nowhere:f", "[[],{}]")])
        assert steps_of(ctx, middle.node(7)) == []


def test_a_circle_of_hints_ends(tmp_path):
    """Runs of different days may have read each other; each node is in one step."""
    with open_context(tmp_path) as ctx:
        put(ctx.store, middle.node(1), [("remote_chain:bottom", "[[1],{}]")])
        put(ctx.store, bottom.node(1), [("remote_chain:middle", "[[1],{}]")])

        assert sorted(chain(*steps_of(ctx, top.node(), middle.node(1)))) == ["bottom(1,)", "middle(1,)"]


def test_a_store_that_does_not_answer_gives_no_steps(tmp_path, monkeypatch):
    """Then the targets are computed as they are."""

    def fail(at):
        raise StoreError("the disk is gone")

    with open_context(tmp_path) as ctx:
        top()
        ctx.store.flush()
        monkeypatch.setattr(ctx.store.backend, "get", fail)
        assert steps_of(ctx, top.node()) == []
