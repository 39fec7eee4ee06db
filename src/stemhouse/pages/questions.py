"""Questions and answers: the site's own first, then those of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from stemhouse.pages.markdown import line
from stemhouse.pages.offers import FREE, limits, pack_kept
from stemhouse.pages.scene import Scene

_GROUPS: Final = {
    "files": ("formats", "link", "broken", "long", "kept"),
    "quality": ("clean", "quality", "fails"),
    "money": ("pay", "expire"),
    "privacy": ("rights", "train"),
}
_ON_THE_FIRST_PAGE: Final = ("formats", "kept", "rights", "train")


@dataclass(frozen=True, slots=True)
class Question:
    """One of them; the answer as HTML and as plain text."""

    question: str
    answer: Markup
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Questions about one thing."""

    heading: str
    questions: list[Question]


def groups(scene: Scene) -> list[Group]:
    """Return all questions of the help page."""
    own = [_made(question, text) for question, text in scene.site_texts.questions]
    found = [Group(scene.say("help.group_site", title=scene.site.title), own)] if own else []
    for name, keys in _GROUPS.items():
        asked = [_house(scene, key) for key in keys if _fits(scene, key)]
        if asked:
            found.append(Group(scene.say(f"help.group_{name}"), asked))
    return found


def on_first_page(scene: Scene) -> list[Question]:
    """Return the few that the first page answers."""
    own = [_made(question, text) for question, text in scene.site_texts.questions[:2]]
    return own + [_house(scene, key) for key in _ON_THE_FIRST_PAGE]


def structured(asked: list[Question]) -> dict[str, Any]:
    """Return questions as schema.org has them."""
    return {
        "@context": "https://schema.org",
        "@type": "FAQPage",
        "mainEntity": [
            {
                "@type": "Question",
                "name": one.question,
                "acceptedAnswer": {"@type": "Answer", "text": one.text},
            }
            for one in asked
        ],
    }


def _fits(scene: Scene, key: str) -> bool:
    if key == "pay":
        return scene.site.charges
    if key == "expire":
        return bool(scene.site.packs)
    return key != "quality" or len(scene.site.qualities) > 1


def _house(scene: Scene, key: str) -> Question:
    free = limits(scene, scene.site.plans[FREE])
    text = scene.say(
        f"help.a_{key}",
        length=pack_kept(scene) if key == "expire" else free.length,
        size=free.size,
        kept=free.kept,
    )
    return _made(scene.say(f"help.q_{key}"), text)


def _made(question: str, text: str) -> Question:
    answer = line(text)
    return Question(question, answer, answer.striptags())
