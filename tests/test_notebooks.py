"""A notebook in which everything shows itself is run by a kernel of Jupyter, as a reader would run it."""

import importlib.util
import re
from pathlib import Path

import pytest

from dug import web

NEEDED = ("nbclient", "ipykernel", "pandas", "tqdm")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]  # a process with ipykernel in it is a notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} is not installed"),
]

SCRIPT = Path(__file__).resolve().parent.parent / "docs" / "show_notebooks.py"
PROGRESS = """
import sys
sys.modules["ipywidgets"] = None  # as if it was not installed: with it, tqdm draws a widget
with base:
    more = dug.sweep(bond.node(0.05, 20), ladder([quote.node(1), quote.node(20)], dug.shift(0.02)), progress=True).to_dict()
"""


def load_script():
    """Return the script that has the cells and makes the pictures."""
    spec = importlib.util.spec_from_file_location("show_notebooks", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load_script()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of each cell, by what it shows."""
    cells = {**script.CELLS, "progress": PROGRESS}
    notebook = script.run_notebook(cells.values(), tmp_path_factory.mktemp("notebook"))
    return {name: cell.outputs for name, cell in zip(cells, notebook.cells, strict=True)}


def find_shown(outputs):
    """Return the forms of what the last line of a cell gave, by type."""
    return next(output.data for output in outputs if output.output_type == "execute_result")


SHOWN = [name for name in script.CELLS if name != "functions"]


@pytest.mark.parametrize("name", SHOWN)
def test_a_cell_shows_a_table(outputs, name):
    """The last line of a cell is HTML with a table, and lines of text for other readers."""
    shown = find_shown(outputs[name])
    page, text = "".join(shown["text/html"]), "".join(shown["text/plain"])

    assert page.startswith('<div class="dug ')
    assert "<table" in page
    assert "__main__" not in re.sub('<title>.*?</title>|xlink:title="[^"]*"', "", page)
    assert not text.startswith("<")
    assert "\\n" not in text


def test_no_cell_warns(outputs):
    """No cell writes to the standard error stream, or shows anything but what it gave."""
    others = [(name, one) for name in script.CELLS for one in outputs[name] if one.output_type != "execute_result"]

    assert others == []


def test_a_bar_of_progress_needs_nothing_else(outputs):
    """``progress=True`` shows a bar to its end, and no warning that something is missing."""
    told = "".join(one.text for one in outputs["progress"] if one.output_type == "stream")

    assert "Warning" not in told
    assert "2/2" in told or "100%" in told


def test_frames_differ_in_words(outputs):
    """A comparison of two frames says how many cells of which column differ, and by how much."""
    page = "".join(find_shown(outputs["frames"])["text/html"])

    assert "20 of 60 cells differ, in column worth, in 20 rows from 0 to 19; largest difference 0.000" in page


def test_a_graph_is_a_picture(outputs):
    """A graph is drawn in the cell, by Graphviz or as a tree, with Mermaid for tools that draw it."""
    shown = find_shown(outputs["graph"])

    assert {"text/html", "text/plain", "text/vnd.mermaid"} <= set(shown)
    assert "<svg" in shown["text/html"] or "<pre>" in shown["text/html"]


WIDGET = [
    "import dug\nfrom dug import web\n\n@dug.memoize\ndef double(number):\n    return 2 * number",
    "with dug.Context() as ctx:\n    double(21)\nweb.Widget(ctx)",
]


@pytest.mark.skipif(importlib.util.find_spec("anywidget") is None, reason="anywidget is not installed")
def test_a_kernel_answers_the_page_in_a_cell(tmp_path):
    """A notebook that was run has the widget with the script of the page, and its kernel answers what that asks."""
    with script.make_client(WIDGET, tmp_path) as client, client.setup_kernel():
        for place, cell in enumerate(client.nb.cells):
            client.execute_cell(cell, place)
        client.set_widgets_metadata()
        shown = client.nb.cells[1].outputs[0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
        said = ask_widget(client, shown, {"id": "7", "path": "node?name=double(21)", "body": None})

    state = client.nb.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"][shown]["state"]
    assert state["_esm"] == (Path(web.__file__).parent / "static" / "app.js").read_text(encoding="utf-8")
    assert state["kept"]["head"]["nodes"] == 1
    assert (said["id"], said["status"], said["said"]["about"]["value"]) == ("7", 200, "42")


def ask_widget(client, model, content):
    """Return what the kernel answers to a message for a widget."""
    from nbclient.util import run_sync

    asked = client.kc.session.msg("comm_msg", {"comm_id": model, "data": {"method": "custom", "content": content}})
    client.kc.shell_channel.send(asked)
    while True:
        message = run_sync(client.kc.get_iopub_msg)(timeout=30)
        if message["msg_type"] == "comm_msg" and message["parent_header"].get("msg_id") == asked["header"]["msg_id"]:
            return message["content"]["data"]["content"]
