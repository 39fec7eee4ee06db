# What the documents say is true: examples run, links lead somewhere, public names are explained.

from __future__ import annotations

import dataclasses
import doctest
import importlib
import inspect
import operator
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
# Alembic runs the migrations, and their environment, itself: they cannot be imported.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(stemhouse.__path__, "stemhouse.")
    if not module.name.startswith("stemhouse.db.migrations.")
)
PUBLIC = sorted(name for name in stemhouse.__all__ if not name.startswith("_"))
SEPARATES = re.compile(r"\bseparate\(|\bSeparator\(")

# What numpydoc finds and we want: a docstring, its parameters and what it returns. What a summary
# says ("Return the length") needs no section that says it again.
WANTED = {"GL08", "PR01", "PR02", "PR07", "RT01", "RT03", "SS01"}


def parse(document: Path) -> object:
    sybil = Sybil(parsers=[PythonCodeBlockParser()], path=str(document.parent))
    return sybil.parse(document)


WITH_EXAMPLES = [document for document in DOCUMENTS if list(parse(document))]


def docstring_tests(module_name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(module_name)
    # To search a module takes longer than to read it, and few have examples.
    if ">>>" not in Path(str(module.__file__)).read_text("utf-8"):
        return []
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
    name = f"{thing.__module__}:{thing.__qualname__}"
    members = vars(thing).items() if inspect.isclass(thing) else ()
    public = [
        key
        for key, value in members
        if not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]
    return [name, *(f"{name}.{key}" for key in public)]


def faults_of(name: str) -> list[str]:
    module, _, rest = name.partition(":")
    found = validate(f"{module}.{rest}")
    docstring = found["docstring"]
    thing = operator.attrgetter(rest)(importlib.import_module(module))
    passed_over = set()
    if dataclasses.is_dataclass(thing):
        # The fields are the parameters: they are documented once, as attributes.
        passed_over.add("PR01")
        missing = [
            field.name
            for field in dataclasses.fields(thing)
            if not re.search(rf"(?m)^\s*{field.name} : ", docstring)
        ]
        if missing:
            return [f"{name}: fields without a word: {missing}"]
    if docstring.lstrip().startswith("Return"):
        passed_over.add("RT01")
    wanted = WANTED - passed_over
    return [f"{name}: {code} {text}" for code, text in found["errors"] if code in wanted]


@pytest.fixture
def folder_with_song(tmp_path: Path, demo_song: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "examples").mkdir()
    shutil.copy(demo_song, tmp_path / "examples" / demo_song.name)
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

    faults = [fault for part in documented_parts(thing) for fault in faults_of(part)]

    assert inspect.getdoc(thing)
    assert not faults


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_an_example(name: str) -> None:
    thing = getattr(stemhouse, name)

    if callable(thing) and not is_error(thing):
        assert ">>> " in (inspect.getdoc(thing) or "")
