"""What a batch will write, worked out and checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stemhouse.cli.errors import printable
from stemhouse.cli.songs import STDIN, Song
from stemhouse.engine.naming import (
    TAG_FIELDS,
    NameFields,
    bind_template,
    check_template,
    collision_key,
    output_paths,
    song_name,
)
from stemhouse.errors import InvalidOption, OutputExists, OutputNotWritable, StemhouseError

Existing = Literal["refuse", "skip", "overwrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What all names of a batch have in common."""

    directory: Path
    template: str
    extension: str
    stems: tuple[str, ...]
    model: str
    quality: str
    existing: Existing


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One song, the template that is left for the engine to fill, and the files it will give."""

    song: Song
    template: str
    targets: tuple[Path, ...]


@dataclass(slots=True)
class Plan:
    tasks: list[Task] = field(default_factory=list)
    skipped: list[tuple[Song, str]] = field(default_factory=list)
    failed: list[tuple[Song, StemhouseError]] = field(default_factory=list)
    ignored: list[tuple[Path, str]] = field(default_factory=list)


def make_plan(songs: Sequence[Song], naming: Naming) -> Plan:
    """Name all files of a batch and refuse what would lose or overwrite something.

    Raises
    ------
    InvalidOption
        The template is not usable, two songs would write the same file, or a song would be
        overwritten by its own stem.
    OutputExists
        Files are there already and neither skipping nor overwriting was asked for.
    OutputNotWritable
        The output folder is not a folder or may not be written to.
    """
    check_output_folder(naming.directory)
    plan = Plan()
    width = len(str(len(songs)))
    tagged = bool(check_template(naming.template) & TAG_FIELDS)
    for index, song in enumerate(songs, start=1):
        try:
            plan.tasks.append(_name(song, f"{index:0{width}d}", naming, tagged=tagged))
        except InvalidOption:
            raise
        except StemhouseError as error:  # the song cannot be opened to read its tags
            plan.failed.append((song, error))
    _leave_out_own_stems(plan)
    _refuse_collisions(plan.tasks, naming.template)
    _settle_existing(plan, naming.existing)
    return plan


def check_output_folder(directory: Path) -> None:
    """Raise `OutputNotWritable` unless the folder, or where it would be made, can be written to."""
    place = directory
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    shown = printable(str(place))
    if not place.is_dir():
        raise OutputNotWritable(f"{shown} is not a folder: choose another one with -o")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputNotWritable(f"the folder {shown} may not be written to: choose another with -o")


def _name(song: Song, index: str, naming: Naming, *, tagged: bool) -> Task:
    name = "stdin" if song.path == STDIN else song_name(song.path.name)
    template = bind_template(naming.template, song=name, index=index, folder=song.folder)
    fields = NameFields(
        song=name,
        ext=naming.extension,
        model=naming.model,
        quality=naming.quality,
        tags=_tags(song) if tagged else {},
    )
    relative = output_paths(template, fields, naming.stems)
    targets = tuple(naming.directory / path for path in relative.values())
    return Task(song=song, template=template, targets=targets)


def _tags(song: Song) -> dict[str, str]:
    from stemhouse.engine.codec import open_source

    if song.path == STDIN:
        raise InvalidOption("a template with tags needs files: standard input is read only once")
    with open_source(song.path) as reader:
        return dict(reader.info.tags)


def _leave_out_own_stems(plan: Plan) -> None:
    """Drop songs, found in a folder, that are what this very batch writes for another song."""
    targets = {_same(target) for task in plan.tasks for target in task.targets}
    kept = []
    for task in plan.tasks:
        if _same(task.song.path) not in targets:
            kept.append(task)
        elif task.song.from_folder:
            plan.skipped.append((task.song, "is a stem that this command writes"))
        else:
            raise InvalidOption(
                f"{task.song.shown} would be overwritten while it is read: "
                "choose another folder with -o or another --template"
            )
    plan.tasks = kept


def _refuse_collisions(tasks: Sequence[Task], template: str) -> None:
    owners: dict[str, Song] = {}
    for task in tasks:
        for target in task.targets:
            other = owners.setdefault(collision_key(str(target)), task.song)
            if other is not task.song:
                raise InvalidOption(
                    f"{printable(str(other.path))} and {printable(str(task.song.path))} would both "
                    f"be written to {printable(str(target))}: tell them apart by their place, "
                    f"with --template '{{index}} {printable(template)}'"
                )


def _settle_existing(plan: Plan, existing: Existing) -> None:
    if existing == "overwrite":
        return
    if existing == "skip":
        missing = []
        for task in plan.tasks:
            if all(target.exists() for target in task.targets):
                plan.skipped.append((task.song, "is done already"))
            else:
                missing.append(task)
        plan.tasks = missing
        return
    there = [target for task in plan.tasks for target in task.targets if os.path.lexists(target)]
    if there:
        more = f" and {len(there) - 1} more are" if len(there) > 1 else " is"
        raise OutputExists(
            f"{printable(str(there[0]))}{more} there already: use --skip-existing or --overwrite",
            count=len(there),
        )


def _same(path: Path) -> str:
    return collision_key(os.path.realpath(path))
