"""The mails, in the language of whoever asked for them: ``mail_texts/`` has a file for each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from stemhouse.domains.accounts.mail import Mail
from stemhouse.http.language import preferred
from stemhouse.http.sites import Place
from stemhouse.sites.schema import Site

USUAL: Final = "en"
"""For sites in languages that there are no texts for."""

_FOLDER: Final = files("stemhouse.domains.accounts") / "mail_texts"


def confirm_address(place: Place, recipient: str, token: str) -> Mail:
    """Ask the owner of an address to confirm it."""
    return _with_link(place, recipient, "confirm_address", f"/verify?token={quote(token)}")


def choose_password(place: Place, recipient: str, token: str) -> Mail:
    """Let somebody who forgot a password choose a new one."""
    return _with_link(place, recipient, "choose_password", f"/reset?token={quote(token)}")


def already_here(place: Place, recipient: str) -> Mail:
    """Tell somebody who signs up again that there is an account."""
    return _with_link(place, recipient, "already_here", "/sign-in")


def language_of(place: Place) -> str:
    """Return the language of mails to whoever asks: of the site's, what the browser says."""
    spoken = spoken_at(place.site)
    return preferred(place.accept_language, spoken) or spoken[0]


def spoken_at(site: Site) -> tuple[str, ...]:
    """Return the languages of a site's mails, the usual one first."""
    return tuple(one for one in site.languages if one in languages()) or (USUAL,)


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that there are texts for."""
    names = sorted(file.name for file in _FOLDER.iterdir() if file.name.endswith(".toml"))
    return tuple(name.removesuffix(".toml") for name in names)


@cache
def texts_in(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return the subject and the body of every mail."""
    text = (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = tomllib.loads(text)
    return found


def write(
    place: Place, recipient: str, kind: str, *, language: str, values: Mapping[str, str]
) -> Mail:
    """Return a mail with its values filled in; `title` is the site's."""
    text = texts_in(language)[kind]
    known = {"title": place.site.title, **values}
    return Mail(
        recipient=recipient,
        subject=text["subject"].format_map(known),
        body=text["body"].format_map(known),
    )


def _with_link(place: Place, recipient: str, kind: str, path: str) -> Mail:
    language = language_of(place)
    # The page behind the link speaks as the mail does.
    part = "" if language == spoken_at(place.site)[0] else f"/{language}"
    link = f"{place.address}{part}{path}"
    return write(place, recipient, kind, language=language, values={"link": link})
