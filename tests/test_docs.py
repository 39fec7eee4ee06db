# What the documents say is true: examples run, links lead somewhere, public names are explained.

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import shutil
from pathlib import Path

import pytest
from numpydoc.validate import validate
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import stemhouse

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MODULES = sorted(m.name for m in pkgutil.walk_packages(stemhouse.__path__, "stemhouse."))
PUBLIC = sorted(name for name in stemhouse.__all__ if not name.startswith("_"))
SEPARATES = re.compile(r"\bseparate\(|\bSeparator\(")

# What numpydoc finds and we want: a docstring, its parameters and what it returns.
WANTED = {"GL08", "PR01", "PR02", "PR03", "PR07", "RT01", "RT03", "SS01", "SS05"}


def parse(document: Path) -> object:
    sybil = Sybil(parsers=[PythonCodeBlockParser()], path=str(document.parent))
    return sybil.parse(document)


WITH_EXAMPLES = [document for document in DOCUMENTS if list(parse(document))]


def docstring_tests(module_name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(module_name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    return [test for test in found if test.examples]


def with_weights_where_needed(test: doctest.DocTest) -> object:
    marks = [pytest.mark.weights] if SEPARATES.search(test.docstring or "") else []
    return pytest.param(test, marks=marks, id=test.name)


def is_error(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Exception)


def documented_parts(thing: object) -> list[str]:
    # An error's parameters are those of the base of the tree, and documented there.
    if not callable(thing) or is_error(thing):
        return []
    name = f"{thing.__module__}.{thing.__qualname__}"
    members = vars(thing).items() if inspect.isclass(thing) else ()
    public = [
        key
        for key, value in members
        if not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]
    return [name, *(f"{name}.{key}" for key in public)]


@pytest.fixture
def folder_with_song(tmp_path: Path, demo_song: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(demo_song, tmp_path / "song.flac")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.weights
@pytest.mark.usefixtures("folder_with_song")
@pytest.mark.parametrize("document", WITH_EXAMPLES, ids=lambda path: path.name)
def test_examples_in_documents_run(document: Path) -> None:
    for example in parse(document):
        example.evaluate()


@pytest.mark.usefixtures("folder_with_song")
@pytest.mark.parametrize(
    "test",
    [with_weights_where_needed(test) for name in MODULES for test in docstring_tests(name)],
)
def test_examples_in_docstrings_run(test: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []

    results = runner.run(test, out=said.append)

    assert results.failed == 0, "".join(said)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text())

    dead = [target for target in targets if not (document.parent / target).exists()]

    assert not dead


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented_in_full(name: str) -> None:
    thing = getattr(stemhouse, name)

    faults = [
        f"{target}: {code} {text}"
        for target in documented_parts(thing)
        for code, text in validate(target)["errors"]
        if code in WANTED
    ]

    assert inspect.getdoc(thing)
    assert not faults


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_an_example(name: str) -> None:
    thing = getattr(stemhouse, name)

    if callable(thing) and not is_error(thing):
        assert ">>> " in (inspect.getdoc(thing) or "")
