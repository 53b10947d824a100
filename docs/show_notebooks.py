"""Makes the pictures of ``howto/notebooks.rst``: one notebook, in Jupyter's HTML and in marimo, light and dark.

``CELLS`` is that notebook: everything of dug that shows itself is the last line of a cell.  The tests run it, too
(``tests/test_notebooks.py``).  Needs the programs chromium and dot, and
``pip install nbclient nbconvert ipykernel tqdm pandas marimo playwright pillow``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

PICTURES = Path(__file__).resolve().parent / "howto" / "notebooks"
WIDTH = 900
MARGIN = 24
COLOURS = 48
"""How many colours a picture has: letters have shades."""

FUNCTIONS = """
import dug
import pandas as pd
from dug.scenarios import ladder


@dug.source
def quote(year):
    return 0.02 + 0.0005 * year


@dug.memoize
def annuity(years):
    return sum(discount(year) for year in range(1, years + 1))


@dug.memoize
def discount(year):
    return (1 - quote(year) * annuity(year - 1)) / (1 + quote(year))


@dug.memoize
def bond(coupon, years):
    return coupon * annuity(years) + discount(years)


@dug.memoize
def flows(coupon, years):
    table = pd.DataFrame({"year": range(1, years + 1), "amount": coupon})
    return table.assign(worth=[coupon * discount(year) for year in table["year"]])


@dug.memoize
def listed(isin):
    return bond({"XS1": 0.05, "XS2": 0.03}[isin], 20)
"""

CELLS = {
    "functions": FUNCTIONS,
    "context": """
base = dug.Context(name="base")
up = dug.Context({quote: dug.shift(0.001)}, name="up")
with base:
    bond(0.05, 20), flows(0.05, 20)
    with up:
        bond(0.05, 20), flows(0.05, 20)
up
""",
    "record": "up.memo(discount.node(2))",
    "explanation": "up.explain(bond.node(0.05, 20))",
    "comparison": "base.compare(up, bond.node(0.05, 20))",
    "frames": "base.compare(up, flows.node(0.05, 20))[0]",
    "graph": "up.graph(discount.node(2))",
    "states": "up.states(discount.node(2))",
    "plan": """
with base, up:
    plan = up.plan(discount.node(22))
plan
""",
    "batch": """
with base:
    batch = base.run_all([listed.node(isin) for isin in ("XS1", "XS2", "XS3")])
batch
""",
    "failures": "base.failures()",
    "sweep": """
with base:
    sweep = dug.sweep(bond.node(0.05, 20), ladder([quote.node(1), quote.node(20)], dug.shift(0.01)))
    values = sweep.to_dict()
sweep
""",
    "result": "sweep[0]",
    "scenario": "up.scenario | {quote.node(1): 0.02}",
    "flow": """
from dug.flow import Flow


def gross(price, quantity):
    return price * quantity


orders = Flow(gross, name="orders", values={"price": 10})
orders
""",
    "live": """
from dug.live import Live

live = Live({quote.node(1): 0.02})
shown = live.output(discount.node(1))
updates = live.step()
live
""",
}
"""The cells, by what each shows."""


def make_notebook(sources: Iterable[str]) -> Any:
    """Return cells as a notebook for Jupyter."""
    import nbformat

    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


@contextmanager
def make_client(sources: Iterable[str], folder: Path) -> Iterator[Any]:
    """Give a client that runs cells by this interpreter, whichever kernels Jupyter knows."""
    from nbclient import NotebookClient

    place = folder / "kernels" / "here"
    place.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (place / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "here", "language": "python"}))
    found = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder) if found is None else f"{folder}{os.pathsep}{found}"
    try:
        yield NotebookClient(make_notebook(sources), timeout=120, kernel_name="here")
    finally:
        os.environ.pop("JUPYTER_PATH") if found is None else os.environ.update(JUPYTER_PATH=found)


def run_notebook(sources: Iterable[str], folder: Path) -> Any:
    """Return a notebook of cells with its outputs."""
    with make_client(sources, folder) as client:
        return client.execute()


def write_marimo(theme: str) -> str:
    """Return the cells as a notebook for marimo."""
    lines = ["# /// script", "# [tool.marimo.display]", f'# theme = "{theme}"', "# ///", "import marimo", "app = marimo.App()"]
    for source in CELLS.values():
        body = "\n".join(f"    {line}" if line else "" for line in source.strip().splitlines())
        lines += ["", "@app.cell", "def _():", body, "    return"]
    return "\n".join([*lines, "", 'if __name__ == "__main__":', "    app.run()", ""])


@contextmanager
def serve_marimo(path: Path) -> Iterator[str]:
    """Serve a notebook of marimo; gives its address."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "run", str(path), "--headless", "--no-token", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  the command is ours
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urlopen(f"{address}/health").close()  # noqa: S310  of this machine
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


def photograph(browser: Any, address: str, theme: str, ready: str, crop: str) -> bytes:
    """Return a picture of the part of a page that `crop` selects, once `ready` is there and nothing more is fetched."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 6000}, color_scheme=theme)
    try:
        page.route("**/*", lambda route: route.continue_() if is_here(route.request.url) else route.abort())
        page.goto(address)
        page.wait_for_selector(ready)
        page.wait_for_timeout(1_500)  # fonts, and the last outputs
        taken: bytes = page.locator(crop).first.screenshot()
        return taken
    finally:
        page.close()


def is_here(address: str) -> bool:
    """Return whether an address is of this machine."""
    return address.startswith(("file:", "http://127.0.0.1", "data:", "blob:"))


def save(picture: bytes, name: str) -> None:
    """Write a picture with few colours, and without the empty part below."""
    from PIL import Image, ImageChops

    image = Image.open(BytesIO(picture)).convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((image.width - 1, image.height - 1)))
    box = ImageChops.difference(image, empty).getbbox() or (0, 0, image.width, image.height)
    image = image.crop((0, 0, image.width, min(image.height, box[3] + MARGIN)))
    PICTURES.mkdir(exist_ok=True)
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def main() -> None:
    """Make the four pictures."""
    from nbconvert import HTMLExporter
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        notebook = run_notebook(CELLS.values(), folder)
        for theme in ("light", "dark"):
            page = folder / f"{theme}.html"
            page.write_text(HTMLExporter(theme=theme).from_notebook_node(notebook)[0], encoding="utf-8")
            save(photograph(browser, page.as_uri(), theme, ".dug", "body"), f"jupyter-{theme}")
            source = folder / f"{theme}.py"
            source.write_text(write_marimo(theme), encoding="utf-8")
            with serve_marimo(source) as address:
                save(photograph(browser, address, theme, ".dug", "body"), f"marimo-{theme}")
        browser.close()


if __name__ == "__main__":
    main()
