from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemhouse import Options
from stemhouse.engine.catalogue import load_card
from stemhouse.engine.tracks import TrackPlan, plan_tracks
from stemhouse.errors import InvalidOption

CARDS = {
    count: load_card(
        Path(__file__).resolve().parents[1] / "data" / f"tiny-{count}stems" / "card.toml"
    )
    for count in (2, 4, 5)
}


def shares(plan: TrackPlan, stems: int) -> dict[str, np.ndarray]:
    # How much of every stem each track holds when the stems add up to the song: 1 or 0.
    groups = [np.bincount(group, minlength=stems) for group in plan.groups]
    song = np.ones(stems, int)
    return {
        track.name: groups[track.group]
        if track.group is not None
        else song - sum((groups[group] for group in track.minus), np.zeros(stems, int))
        for track in plan.tracks
    }


@st.composite
def requests(draw: st.DrawFn):
    card = CARDS[draw(st.sampled_from([2, 4, 5]))]
    stems = draw(st.none() | st.lists(st.sampled_from(card.stems), min_size=1).map(tuple))
    complement = draw(st.booleans())
    options = Options(stems=stems, residual=draw(st.booleans()))
    return card, options, complement


@given(requests())
def test_every_track_holds_its_stem_whole_and_the_residual_all_others(request):
    card, options, complement = request
    names = options.stems_of(card)
    if options.residual and complement and names == card.stems:
        return

    plan = plan_tracks(card, options, complement=complement)

    held = shares(plan, len(card.stems))
    expected = {name: [int(stem == name) for stem in card.stems] for name in names}
    if options.residual:
        expected["residual"] = [int(stem not in names) for stem in card.stems]
    assert {name: share.tolist() for name, share in held.items()} == expected
    assert list(held) == list(expected)


@given(requests())
def test_no_request_costs_more_transforms_than_it_has_tracks(request):
    card, options, complement = request
    names = options.stems_of(card)
    if options.residual and complement and names == card.stems:
        return

    plan = plan_tracks(card, options, complement=complement)

    assert 1 <= len(plan.groups) <= len(plan.tracks)
    assert len(set(plan.groups)) == len(plan.groups)


def test_two_stems_cost_one_transform_where_the_second_is_the_rest_of_the_song():
    standard = plan_tracks(CARDS[2], Options(), complement=True)
    fast = plan_tracks(CARDS[2], Options(), complement=False)

    assert len(standard.groups) == 1
    assert len(fast.groups) == 2


def test_stems_nobody_asked_for_cost_no_transform():
    vocals = plan_tracks(CARDS[5], Options(stems=("vocals",)), complement=True)
    rest = plan_tracks(CARDS[5], Options(stems=("other",)), complement=True)

    assert vocals.groups == ((0,),)
    # One transform for the four stems together, to take them from the song.
    assert rest.groups == ((0, 1, 2, 3),)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_residual_costs_no_transform_where_it_is_the_song_minus_the_stems(count: int):
    for stems in combinations(("vocals", "drums", "bass"), count):
        alone = plan_tracks(CARDS[4], Options(stems=stems), complement=True)

        with_rest = plan_tracks(CARDS[4], Options(stems=stems, residual=True), complement=True)

        assert with_rest.groups == alone.groups


def test_a_residual_of_which_nothing_would_be_left_is_refused():
    with pytest.raises(InvalidOption, match="nothing is left"):
        plan_tracks(CARDS[4], Options(residual=True), complement=True)


def test_spleeters_way_leaves_a_residual_even_of_all_stems():
    plan = plan_tracks(CARDS[4], Options(residual=True), complement=False)

    assert [track.name for track in plan.tracks] == [*CARDS[4].stems, "residual"]


def test_an_unknown_stem_is_refused():
    with pytest.raises(InvalidOption, match="no stem 'piano'"):
        plan_tracks(CARDS[4], Options(stems=("piano",)), complement=True)


@pytest.mark.parametrize("complement", [True, False])
def test_a_plan_knows_whether_its_tracks_are_the_whole_song(complement: bool):
    card = CARDS[4]

    whole = [
        plan_tracks(card, Options(), complement=complement),
        plan_tracks(card, Options(stems=("drums",), residual=True), complement=complement),
    ]
    part = plan_tracks(card, Options(stems=("drums", "bass")), complement=complement)

    assert all(plan.complete for plan in whole)
    assert not part.complete
