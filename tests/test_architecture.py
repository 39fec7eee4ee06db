# The shape of the code: what may be large, what may be loaded, what may be caught.
#
# Which package may import which is in pyproject.toml, under importlinter, and `make check` holds
# it; ruff's rules there hold where prints and reads of the environment may be.

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "stemhouse"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 4  # then an options object or keywords

# Alembic's migrations are data: lists of columns, made from the tables and never changed again.
MIGRATIONS = PACKAGE / "db" / "migrations" / "versions"
# Their signatures are a library's: httpcore2 calls them so.
SIGNATURES_OF_OTHERS = {"http/outbound.py": {"connect_tcp"}}

# The three outermost frames, where every error has to end somehow.
OUTERMOST = {"api/edge.py", "jobs/worker.py", "cli/main.py"}
# Threads of the engine hand every error, whole, to the thread that waits for them.
HAND_OVER = {"engine/output.py", "engine/prefetch.py"}

NOT_FOR_THE_ENGINE = {
    *("fastapi", "starlette", "uvicorn", "pydantic", "jinja2"),
    *("sqlalchemy", "alembic", "dbos", "obstore", "stripe"),
    *("typer", "click", "rich"),
    *("tensorflow", "torch", "librosa"),
    "openvino_telemetry",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def code_lines(function: Function) -> int:
    # Neither the signature nor the docstring: the engine's docstrings are long on purpose, and the
    # signature of a command lists its options.
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    before = (first.end_lineno or 0) if documented else first.lineno - 1
    return (function.end_lineno or 0) - before


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def normal(distribution: str) -> str:
    # One name of many spellings: Jinja2, prometheus_client.
    return re.sub(r"[-_.]+", "-", distribution).lower()


def positional(function: Function) -> list[str]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in names if name not in ("self", "cls")]


def catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))
        for kind in kinds
    )
    # Cleaning up and raising again, or translating a library's untyped error, swallows nothing.
    return broad and not isinstance(handler.body[-1], ast.Raise)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)

    long = [f.name for f in functions(tree) if code_lines(f) > MAX_FUNCTION_LINES]
    wide = [f.name for f in functions(tree) if len(positional(f)) > MAX_POSITIONAL]
    if path.parent == MIGRATIONS:
        long = []
    if path.parent.name == "cli":  # the options of a command are the parameters of its function
        wide = []

    assert len(text.splitlines()) <= MAX_MODULE_LINES
    assert not long
    assert not set(wide) - SIGNATURES_OF_OTHERS.get(name_of(path), set())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_outermost_frames_catch_everything(path: Path) -> None:
    handlers = [
        n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.excepthandler)
    ]

    broad = [handler.lineno for handler in handlers if catches_everything(handler)]

    assert not broad or name_of(path) in OUTERMOST | HAND_OVER


def test_every_library_that_is_imported_is_a_stated_dependency() -> None:
    project = tomllib.loads((PACKAGE.parent.parent / "pyproject.toml").read_text())["project"]
    stated = list(chain(project["dependencies"], *project["optional-dependencies"].values()))
    names = {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in stated}
    distributions = packages_distributions()  # import names to names of distributions

    imported = {name for path in MODULES for name in imports(ast.parse(path.read_text()))}
    foreign = imported - sys.stdlib_module_names - {"stemhouse"}
    unstated = {
        name
        for name in foreign
        if not names & {normal(one) for one in distributions.get(name, [name])}
    }

    assert not unstated


def test_importing_the_engine_loads_no_web_database_payment_or_terminal_library() -> None:
    code = (
        "import sys, stemhouse\n"
        "for name in stemhouse.__all__: getattr(stemhouse, name)\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "stemhouse" in loaded
    assert not NOT_FOR_THE_ENGINE.intersection(loaded)


def test_importing_the_engine_leaves_logging_and_warnings_alone() -> None:
    code = (
        "import logging, warnings\n"
        "before = (list(warnings.filters), list(logging.getLogger().handlers))\n"
        "import stemhouse\n"
        "for name in stemhouse.__all__: getattr(stemhouse, name)\n"
        "after = (list(warnings.filters), list(logging.getLogger().handlers))\n"
        "handlers = logging.getLogger('stemhouse').handlers\n"
        "print(after[1] == before[1] and all(isinstance(h, logging.NullHandler) for h in handlers))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "True"
    assert not answer.stderr
