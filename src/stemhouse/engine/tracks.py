"""Which tracks a caller gets, and the least that must be computed for them.

A *track* is a stem or the residual. A *group* is a set of stems whose masks are added and turned
back into samples together: one inverse transform. A track is either a group, or the song minus
some groups. Stems that nobody asked for cost no inverse transform of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from stemhouse.engine.catalogue import ModelCard
from stemhouse.engine.options import RESIDUAL, Options
from stemhouse.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the result.

    Attributes
    ----------
    name : str
        The stem's name or ``residual``.
    group : int or None
        The group that is this track; None when it is what is left of the song.
    minus : tuple of int
        The groups to take from the song, when `group` is None.
    """

    name: str
    group: int | None
    minus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """What to compute.

    Attributes
    ----------
    groups : tuple of tuple of int
        For each group the stems in it, as positions in the model's manifest.
    tracks : tuple of Track
        In manifest order, the residual last.
    complete : bool
        Whether the tracks together are the whole song.
    """

    groups: tuple[tuple[int, ...], ...]
    tracks: tuple[Track, ...]
    complete: bool


def plan_tracks(card: ModelCard, options: Options, *, complement: bool) -> TrackPlan:
    """Plan the tracks that `options` ask for.

    Parameters
    ----------
    card : ModelCard
        The model.
    options : Options
        Names the stems and says whether the residual is wanted.
    complement : bool
        Whether the model's residual stem is the song minus all others.

    Raises
    ------
    InvalidOption
        No such stem, or a residual of which nothing would be left.
    """
    names = options.stems_of(card)
    masked = [name for name in names if not (complement and name == card.residual_stem)]
    groups: list[tuple[int, ...]] = [(card.stems.index(name),) for name in masked]
    tracks = {name: Track(name, number) for number, name in enumerate(masked)}
    if len(masked) < len(names):
        others = tuple(i for i, name in enumerate(card.stems) if name != card.residual_stem)
        minus = tuple(range(len(masked)))
        if len(masked) < len(others):
            # Not all others are wanted: their masks are added, for one transform, not many.
            minus = (len(groups),)
            groups.append(others)
        tracks[card.residual_stem] = Track(card.residual_stem, None, minus)
    if options.residual:
        if complement and len(names) == len(card.stems):
            raise InvalidOption(
                "all stems were asked for, so nothing is left for a residual; name the stems you "
                "want, or leave the residual out"
            )
        tracks[RESIDUAL] = _residual(card, names, groups, complement=complement)
    order = [*names, RESIDUAL] if options.residual else names
    complete = options.residual or len(names) == len(card.stems)
    return TrackPlan(tuple(groups), tuple(tracks[name] for name in order), complete)


def _residual(
    card: ModelCard,
    names: tuple[str, ...],
    groups: list[tuple[int, ...]],
    *,
    complement: bool,
) -> Track:
    if complement and card.residual_stem in names:
        # The song minus wanted stems, one of which is the song minus the others, is exactly the
        # stems that are not wanted.
        rest = tuple(i for i, name in enumerate(card.stems) if name not in names)
        if rest not in groups:
            groups.append(rest)
        return Track(RESIDUAL, groups.index(rest))
    return Track(RESIDUAL, None, tuple(range(len(names))))
