"""Runs every Python snippet of README.rst and docs/, page by page, as a reader would.

The convention, which the first test enforces:

* Python stands in ``.. code-block:: python`` and nowhere else; the blocks of a page run in order and share one namespace.
* A block that begins with ``>>>`` is a session, compared with doctest (``...`` in the output stands for anything).
* A block with a ``:caption:`` is a file of that name: it can be imported by later blocks, and pytest must pass on it when
  its name begins with ``test_``.
* Any other block is a program; what it prints is the ``.. code-block:: text`` that follows it.
"""

import contextlib
import doctest
import html
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import attrs
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.rst", *sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)]
OPTIONS = doctest.ELLIPSIS
DIRECTIVE = re.compile(r"(?P<indent> *)\.\. (?P<name>[\w-]+):: *(?P<argument>\S*)")


@attrs.frozen
class Block:
    """One code block of a page."""

    language: str
    caption: str | None
    source: str
    line: int  # of the page, the source's first, counted from 1

    @property
    def is_session(self) -> bool:
        return self.source.startswith(">>>")


def find_blocks(text: str) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = DIRECTIVE.fullmatch(line)
        if match and match["name"] == "code-block":
            yield parse_block(lines, number, match["argument"], len(match["indent"]))


def parse_block(lines: list[str], number: int, language: str, indent: int) -> Block:
    """The block whose directive stands at ``lines[number]``: options first, then the body."""
    body = find_body(lines, number + 1, indent)
    options = re.findall(r"^ *:(\w+): *(.*)$", "\n".join(body[: body.index("")]), re.MULTILINE)
    start = body.index("") + 1
    depth = min(len(line) - len(line.lstrip()) for line in body[start:] if line)
    source = "\n".join(line[depth:] for line in body[start:]).rstrip() + "\n"
    return Block(language, dict(options).get("caption"), source, number + 2 + start)


def find_body(lines: list[str], start: int, indent: int) -> list[str]:
    """The lines from ``start`` on that are empty or indented deeper than ``indent``."""
    for end in range(start, len(lines)):
        line = lines[end]
        if line and len(line) - len(line.lstrip()) <= indent:
            return lines[start:end]
    return lines[start:]


class Page:
    """Runs the blocks of one page in a module that takes the place of ``__main__``."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.module = types.ModuleType("__main__")
        self.namespace = self.module.__dict__

    def run(self) -> None:
        for block, following in pairwise([*find_blocks(self.path.read_text()), None]):
            if block.language == "python":
                self.run_block(block, following)
        if any(self.folder.glob("test_*.py")):
            run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=self.folder)

    def run_block(self, block: Block, following: Block | None) -> None:
        if block.caption:
            self.write_file(block)
        elif block.is_session:
            self.run_session(block)
        else:
            self.run_program(block, following)

    def write_file(self, block: Block) -> None:
        (self.folder / block.caption).write_text(block.source)
        importlib.invalidate_caches()

    def run_session(self, block: Block) -> None:
        parser = doctest.DocTestParser()
        name, file = self.path.name, str(self.path)
        test = parser.get_doctest(block.source, {}, name, file, block.line - 1)
        test.globs = self.namespace  # a DocTest copies its globals, and blocks share
        report = io.StringIO()
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, clear_globs=False, out=report.write)

        assert result.failed == 0, report.getvalue()

    def run_program(self, block: Block, following: Block | None) -> None:
        # The empty lines give a traceback the page's line numbers.
        code = compile("\n" * (block.line - 1) + block.source, str(self.path), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.namespace)

        expected = following.source if following and following.language == "text" else ""
        where = f"{self.path}:{block.line}"
        assert doctest.OutputChecker().check_output(expected, printed.getvalue(), OPTIONS), (
            f"{where} printed\n{printed.getvalue()}but the page says\n{expected}"
        )


def run_python(*arguments: str, cwd: Path = ROOT) -> None:
    """Run Python in a process of its own; on failure, show its output."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def page(request, tmp_path, monkeypatch):
    """A page about to be run: its files can be imported, and none is left imported."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)  # a page may write files
    before = set(sys.modules)
    built = Page(request.param, tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", built.module)
    yield built
    for value in built.namespace.values():
        if isinstance(value, subprocess.Popen):  # what a page has started, and did not come to stop
            value.kill()
            value.wait()
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


def get_name(path: Path) -> str:
    """The name of a page as a test shows it."""
    return str(path.relative_to(ROOT))


def has_snippets(path: Path) -> bool:
    """True when a page has Python on it."""
    return any(block.language == "python" for block in find_blocks(path.read_text()))


@pytest.mark.parametrize("path", PAGES, ids=get_name)
def test_python_stands_in_code_blocks(path):
    """A snippet outside of a code block is not run."""
    text = path.read_text()
    inside = {line for block in find_blocks(text) for line in range(block.line, block.line + block.source.count("\n"))}

    outside = [n for n, line in enumerate(text.splitlines(), 1) if ">>>" in line and n not in inside]
    assert outside == [], f"{path} has sessions outside of a code block at lines {outside}"
    assert re.search(r"^(?! *\.\. ).*::$", text, re.MULTILINE) is None, f"{path} has a literal block"


@pytest.mark.slow
@pytest.mark.parametrize("page", list(filter(has_snippets, PAGES)), ids=get_name, indirect=True)
def test_snippets_run(page):
    """The output on a page is the real one."""
    page.run()


CORE = ROOT / "dug" / "_core"


@pytest.mark.parametrize("module", sorted(path.relative_to(CORE).as_posix() for path in CORE.rglob("[a-z]*.py")))
def test_the_design_names_every_part_of_the_engine(module):
    """A reader of the design finds each file of the engine in it."""
    assert f"``{module}``" in (DOCS / "explanation" / "design.rst").read_text()


def test_the_picture_of_the_architecture_is_that_of_the_source(monkeypatch):
    """The picture on the architecture page is the one that the script draws now."""
    monkeypatch.syspath_prepend(str(DOCS))
    import draw_architecture

    drawn = draw_architecture.draw(ROOT / "dug")

    assert draw_architecture.PICTURE.read_text(encoding="utf-8") == drawn, "Type: python docs/draw_architecture.py"


@pytest.mark.slow
def test_the_picture_of_the_first_page_is_that_of_its_program(monkeypatch):
    """The picture on the first page says what the script draws now."""
    pytest.importorskip("graphviz", reason="graphviz is in the draw extra")
    if shutil.which("dot") is None:
        pytest.skip("the program dot is not installed")
    monkeypatch.syspath_prepend(str(DOCS))
    import draw_what_if

    def find_texts(svg):
        return sorted(text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))

    drawn = find_texts(draw_what_if.main())

    assert find_texts(draw_what_if.PICTURE.read_text(encoding="utf-8")) == drawn, "Type: python docs/draw_what_if.py"


FOLDERS = sorted({path.parent.relative_to(ROOT / "dug").as_posix() for path in (ROOT / "dug").rglob("__init__.py")} - {"."})


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_design_names_every_folder(folder):
    """A reader of the design finds each folder of the package in it."""
    assert f"``{folder}/``" in (DOCS / "explanation" / "design.rst").read_text()


def test_the_way_to_add_something_leads_to_files_that_are_there():
    """Each path that CONTRIBUTING names is that of a file or folder."""
    named = set(re.findall(r"``((?:dug|tests|docs|benchmarks)/[\w./]*)``", (ROOT / "CONTRIBUTING.rst").read_text()))

    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_glossary_is_short():
    """The glossary has at most 50 terms; a word of one idea alone stands in the entry of that."""
    terms = re.findall(r"^ {3}([a-z].*)$", (DOCS / "reference" / "glossary.rst").read_text(), re.MULTILINE)

    assert 40 <= len(terms) <= 50
    assert {"node", "memo", "footprint", "beneath", "unfileable", "layer", "verify", "driver", "frame", "view"} <= set(terms)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder with the site, built so that a warning is an error."""
    pytest.importorskip("sphinx", reason="sphinx is in the docs extra")
    pytest.importorskip("furo", reason="furo is in the docs extra")
    folder = tmp_path_factory.mktemp("site")
    run_python("-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(folder))
    return folder


@pytest.fixture(scope="module")
def signatures(site):
    """The signatures on the page of the API, as HTML."""
    page = (site / "reference" / "api.html").read_text(encoding="utf-8")
    return re.findall(r'<dt class="sig[^>]*>.*?</dt>', page, re.DOTALL)


def strip_tags(text):
    """The text that a browser shows of some HTML."""
    return html.unescape(re.sub(r"<[^>]+>", "", text))


@pytest.mark.slow
def test_sphinx_builds(site):
    """The site builds without a warning."""
    assert (site / "index.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("function", ["memoize", "source", "sweep"])
def test_a_function_has_one_signature(signatures, function):
    """The overloads for type checkers are not what a reader looks up."""
    assert len([one for one in signatures if strip_tags(one).strip().startswith(f"dug.{function}(")]) == 1


@pytest.mark.slow
def test_the_api_shows_no_private_name(signatures):
    """No signature names a private module, class or type variable."""
    assert [said for said in map(strip_tags, signatures) if re.search(r"\b_\w|~", said.replace("__call__", ""))] == []


@pytest.mark.slow
def test_classes_in_signatures_are_links(signatures):
    """Each class of dug that a signature names leads to where it is described."""
    known = {said[1] for one in signatures if (said := re.match(r"\s*class (?:[\w.]+\.)?(\w+)", strip_tags(one)))}
    unlinked = []
    for one in signatures:
        bare = strip_tags(re.sub(r'<a class="reference.*?</a>', "", one, flags=re.DOTALL))
        if not bare.strip().startswith("class "):
            unlinked += [(name, bare) for name in re.findall(r"\b[A-Z]\w+", bare) if name in known]

    assert {"Graph", "Batch", "Context", "Table"} <= known
    assert unlinked == []
