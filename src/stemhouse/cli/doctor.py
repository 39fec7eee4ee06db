"""``stemhouse doctor``: what is installed, what runs, whether it is right, how fast it is."""

from __future__ import annotations

from typing import Annotated

import typer

from stemhouse.cli.options import ModelsDir


def doctor(
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="MODEL", help="The model to try.")
    ] = "spleeter-2stems",
    models_dir: ModelsDir = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not measure the speed of this machine.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Examine this installation and this machine; say how to mend what is broken.

    Exit codes: 0 all essential parts work, 4 the runtime or weights do not, 5 no disk space,
    6 the cache folder cannot be written to.
    """
    from stemhouse.cli.checkup import examine
    from stemhouse.cli.console import print_json

    checks = []
    for check in examine(model, models_dir, quick=quick):
        checks.append(check)
        if not as_json:
            _print(check.status, check.name, check.text, check.mend)
    problems = [check for check in checks if check.status == "problem"]
    code = problems[0].exit_code if problems else 0
    if as_json:
        print_json(
            {
                "type": "doctor",
                "healthy": not problems,
                "exit_code": int(code),
                "checks": [check.as_dict() for check in checks],
            }
        )
    raise typer.Exit(code)


def _print(status: str, name: str, text: str, mend: str) -> None:
    from rich.console import Console
    from rich.text import Text

    style = {"ok": "green", "warning": "yellow", "problem": "bold red"}[status]
    line = Text.assemble((f"{status:<8}", style), f" {name:<10} {text}")
    console = Console(highlight=False)
    console.print(line, soft_wrap=True)
    if mend:
        console.print(Text(f"{'':<20}mend: {mend}"), soft_wrap=True)
