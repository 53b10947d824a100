"""A module that another thread is importing, or that only has the name of a package, is not taken for the package."""

from __future__ import annotations

import asyncio
import sys
import threading
import types

import pytest

import dug
from dug import codec
from dug._extras.packages import find_loaded, is_there

NAMES = ["trio", "trio.lowlevel", "anyio", "anyio.to_thread"]


@dug.memoize
def slow(x):
    """Return the argument."""
    return x


@dug.memoize
async def later(x):
    """Read a node that ran in a thread of its own, so that verifying asks for it there."""
    await asyncio.sleep(0)
    return await asyncio.to_thread(slow, x)


@pytest.fixture(params=NAMES)
def _half_imported(request, monkeypatch):
    """A module is in ``sys.modules`` and has no names yet, as while it is imported."""
    monkeypatch.setitem(sys.modules, request.param, types.ModuleType(request.param))


@pytest.mark.usefixtures("_half_imported")
def test_awaiting_goes_on_while_a_package_is_imported():
    """Coroutine functions are computed, verified, gathered and cancelled on asyncio whatever is half imported."""

    @dug.memoize
    async def never():
        await asyncio.sleep(60)

    async def main():
        with dug.Context() as ctx:
            assert await asyncio.gather(later(1), later(2)) == [1, 2]
            ctx.invalidate(slow)
            assert await later(1) == 1
            task = asyncio.create_task(never.node()())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_awaiting_goes_on_while_another_thread_imports_trio(monkeypatch):
    """Thousands of awaits on asyncio meet no module of trio's that is not complete."""
    began, may_end = threading.Event(), threading.Event()

    def import_slowly():
        monkeypatch.setitem(sys.modules, "trio", types.ModuleType("trio"))
        monkeypatch.setitem(sys.modules, "trio.lowlevel", types.ModuleType("trio.lowlevel"))
        began.set()
        may_end.wait(20)

    async def main():
        began.wait(20)
        with dug.Context():
            return [await later(x) for x in range(50)]

    thread = threading.Thread(target=import_slowly)
    thread.start()
    try:
        assert asyncio.run(main()) == list(range(50))
    finally:
        may_end.set()
        thread.join()


def test_a_module_that_was_kept_out_is_not_there(monkeypatch):
    """A module that was kept from being imported, or a file that only has the name, has none of the names."""
    monkeypatch.setitem(sys.modules, "trio.lowlevel", None)
    monkeypatch.setitem(sys.modules, "anyio", types.ModuleType("anyio"))

    assert find_loaded("trio.lowlevel", "in_trio_task") is None
    assert find_loaded("anyio", "CancelScope") is None
    assert find_loaded("asyncio", "run") is asyncio.run


@pytest.mark.parametrize(("package", "codec_name"), [("pandas", "arrow"), ("pyarrow", "arrow"), ("numpy", "npy")])
def test_a_package_that_was_kept_out_is_told_as_missing(monkeypatch, package, codec_name):
    """A value that takes a package which cannot be imported says so, and nothing else goes wrong."""
    monkeypatch.setitem(sys.modules, package, None)

    assert not is_there(package)
    assert f"it takes {package} to read it" in str(codec.find_missing(codec_name))
