"""A browser, and a tab of it, for the tests that see a page."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="module")  # its event loop runs in this thread until it is stopped, and no other test file bears that
def browser():
    """A browser, started once."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the test extra")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def tab(browser):
    """A tab of its own, which collects dialogs and errors."""
    context = browser.new_context()
    made = context.new_page()
    made.set_default_timeout(20_000)
    made.troubles = []
    made.on("dialog", lambda dialog: (made.troubles.append(dialog.message), dialog.dismiss()))
    made.on("pageerror", lambda error: made.troubles.append(str(error)))
    made.on("console", lambda said: made.troubles.append(said.text) if said.type == "error" else None)
    yield made
    context.close()
