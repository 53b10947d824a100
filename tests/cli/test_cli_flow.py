"""``dug flow`` on runs in a real server."""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress

import anyio
import pytest
from support.servers import serving

from dug.flow import Flow
from dug.flow.services import Services, declared

KEY = "a key that only this file has"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all tests of this file."""
    pytest.importorskip("click")
    with serving("redis", tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def services(server, request, monkeypatch, tmp_path):
    """Services with a processor and a namespace of their own, which the environment of the command line names."""
    monkeypatch.setenv("DUG_SERVICES_URL", server.url)
    monkeypatch.setenv("DUG_SERVICES_NAMESPACE", request.node.name)
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("DUG_SERVICES_KEY_FILE", str(tmp_path / "key"))
    made = Services(server.url, namespace=request.node.name, key=KEY.encode())

    @made.processor
    async def inverted(numbers):
        async for number in numbers:
            yield 1 / number

    yield made
    made.close()


def start(services, *numbers, name="inverted", to_the_end=True):
    """Start a run, and return its id."""

    async def main():
        flow = Flow(declared(name, "numbers"), name="inverting")
        async with await flow.start({"numbers": list(numbers)}, on=services) as run:
            if to_the_end:
                async with run[name].open() as reader:
                    with suppress(ZeroDivisionError):
                        [value async for value in reader]
            return run.id

    return anyio.run(main)


def says(dug_says, status, *words):
    """Return the output of a command that ends with this status."""
    said = dug_says("flow", *words)
    assert said.status == status, said
    return said


def test_ls_and_show_say_how_far_runs_are(services, dug_says):
    """``ls`` lists runs with their states, and ``show`` the steps of one with the error."""
    good, bad = start(services, 1, 2), start(services, 4, 0)

    rows = json.loads(says(dug_says, 0, "ls", "--json").out)
    assert [(row["run"], row["flow"], row["state"], row["items"]) for row in rows] == [
        (good, "inverting", "ended", 4),
        (bad, "inverting", "failed", 3),
    ]
    shown = says(dug_says, 0, "show", bad).out
    assert shown.startswith(f"{bad} of inverting: failed, started 20")
    assert "ZeroDivisionError: division by zero" in shown
    steps = json.loads(says(dug_says, 0, "show", bad, "--json").out)
    assert [(step["step"], step["state"], step["items"]) for step in steps] == [
        ("numbers", "ended", 2),
        ("inverted", "failed", 1),
    ]


def test_a_run_is_cancelled_retried_and_removed(services, dug_says):
    """``cancel``, ``retry`` and ``rm`` do to a run what the methods of services do."""
    run = start(services, 1, name="nobody_has_it", to_the_end=False)

    assert says(dug_says, 0, "cancel", run).out == f"{run} is cancelled\n"
    assert services.status(run).state == "cancelled"
    assert says(dug_says, 0, "retry", run).out == f"{run}: goes on\n"
    assert services.status(run).state == "open"
    assert "--yes" in says(dug_says, 2, "rm", run).complaint
    assert says(dug_says, 0, "rm", run, "--yes").out == f"{run} is removed\n"
    assert len(services.runs()) == 0


def test_the_values_that_were_skipped_are_listed(services, dug_says):
    """``show`` counts the values that were skipped, and ``letters`` lists them with their errors."""

    @services.processor(resume="value", on_error="skip", attempts=1)
    async def rooted(numbers):
        async for number in numbers:
            yield math.sqrt(number)

    clean, run = start(services, 4, name="rooted"), start(services, 4, -1, 9, name="rooted")

    assert "skipped" not in says(dug_says, 0, "show", clean).err
    assert f"1 value was skipped; type: dug flow letters {run}" in says(dug_says, 0, "show", run).err
    assert "-1" in says(dug_says, 0, "letters", run).out
    [row] = json.loads(says(dug_says, 0, "letters", run, "--json").out)
    assert (row["step"], row["number"], row["value"], row["attempts"]) == ("rooted", 1, "-1", 1)
    assert row["error"] == "ValueError: math domain error"
    assert "no value of the run" in says(dug_says, 0, "letters", clean).err


def test_retry_names_the_steps_that_begin_again(services, dug_says):
    """``retry`` says which steps had failed."""
    run = start(services, 0)

    assert says(dug_says, 0, "retry", run).out == f"{run}: inverted begins again\n"


def test_a_run_that_is_not_there_is_said_so(services, dug_says, monkeypatch):
    """Each verb names a run that is not there, and without a key says that it may have been signed."""
    run = start(services, 1)
    for verb in ("show", "letters", "cancel", "retry", "rm"):
        assert "there is no run 'nothing' in the namespace" in says(dug_says, 1, verb, "nothing").complaint
    monkeypatch.delenv("DUG_SERVICES_KEY_FILE")

    assert "--key-file" in says(dug_says, 1, "rm", run).complaint
    assert "that was not signed (--key-file)" in says(dug_says, 0, "ls").err
    assert services.status(run).state == "ended"


def test_what_is_wrong_with_a_command_line_is_said(services, dug_says, monkeypatch, tmp_path):
    """A server that is not there, a url that is none, a key that is short, and a missing url or package are one line each."""
    assert "redis://127.0.0.1:1/0 does not answer" in says(dug_says, 1, "ls", "--url", "redis://127.0.0.1:1/0").complaint
    assert "--url: " in says(dug_says, 2, "ls", "--url", "localhost").complaint
    (tmp_path / "short").write_text("secret\n")
    assert "key must be at least 16 bytes" in says(dug_says, 1, "ls", "--key-file", tmp_path / "short").complaint
    monkeypatch.delenv("DUG_SERVICES_URL")
    assert "Missing option '--url'" in says(dug_says, 2, "ls").complaint
    monkeypatch.setitem(sys.modules, "redis", None)
    assert 'pip install "dug[redis]"' in says(dug_says, 1, "ls", "--url", "redis://localhost").complaint
