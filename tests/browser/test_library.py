# The songs of an account: found, renamed, deleted.

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_SIZE, Look, faults_of, take_apart

Song = Callable[..., Path]


@pytest.fixture
def songs(page: Page, member: str, song: Song) -> list[str]:
    names = ["Moonlight.wav", "Sunrise.wav"]
    for seed, name in enumerate(names):
        take_apart(page, song(name, 2.0, seed))
    return names


def test_songs_are_found_renamed_and_deleted(page: Page, songs: list[str], look: Look) -> None:
    page.goto("/library")
    expect(page.locator(".song")).to_have_count(2)
    expect(page.locator(".song").first).to_contain_text("Deleted in")
    assert faults_of(page) == []
    look(page, "library")

    page.get_by_role("searchbox", name="Find a song").fill("moon")
    expect(page.locator(".song")).to_have_count(1)

    page.get_by_role("button", name="Rename Moonlight.wav").click()
    field = page.get_by_role("textbox", name="Rename Moonlight.wav")
    expect(field).to_be_focused()
    field.fill("Moonlight, second take")
    page.keyboard.press("Enter")
    expect(page.locator(".song-name")).to_have_text("Moonlight, second take")

    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete Moonlight, second take").click()
    expect(page.locator("song-library")).to_contain_text("No song is called")
    page.get_by_role("searchbox", name="Find a song").fill("")
    expect(page.locator(".song-name")).to_have_text(["Sunrise.wav"])


@ONE_SIZE
def test_escape_leaves_a_name_as_it_is(page: Page, songs: list[str]) -> None:
    page.goto("/library")
    page.get_by_role("button", name="Rename Sunrise.wav").click()

    page.keyboard.press("Escape")

    expect(page.locator(".rename")).to_have_count(0)
    expect(page.locator(".song-name")).to_have_text(["Sunrise.wav", "Moonlight.wav"])


@ONE_SIZE
def test_a_refused_deletion_is_no_deletion(page: Page, songs: list[str]) -> None:
    page.goto("/library")
    page.once("dialog", lambda dialog: dialog.dismiss())

    page.get_by_role("button", name="Delete Sunrise.wav").click()

    expect(page.locator(".song")).to_have_count(2)


@ONE_SIZE
def test_an_empty_library_leads_to_the_uploader(page: Page, member: str) -> None:
    page.goto("/library")

    page.get_by_role("link", name="Take the first one apart").click()

    expect(page.locator("song-uploader")).to_be_visible()
