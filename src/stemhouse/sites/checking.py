"""What the schema cannot say: whether the parts of a site file fit each other and the models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stemhouse.sites.checking_money import check_money
from stemhouse.sites.contrast import SHAPE, TEXT, contrast
from stemhouse.sites.findings import Finding
from stemhouse.sites.hosts import ANY_HOST, plain_host
from stemhouse.sites.lines import Path as Keys
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.schema import Output, Site

_LOGO = re.compile(r"[\w-][\w.-]*\.svg")
_SEARCH_ENGINES_SHOW = range(50, 161)


def check_site(site: Site, folder: Path, shelf: ModelShelf | None) -> Iterator[Finding]:
    """Yield what is wrong with a site that the schema allows.

    Parameters
    ----------
    site : Site
        The site.
    folder : Path
        Where its file is.
    shelf : ModelShelf or None
        Knows the models; None leaves them unchecked.
    """
    yield from _names(site, folder)
    yield from _languages(site)
    yield from _outputs(site)
    if shelf is not None:
        for number, output in enumerate(site.outputs):
            yield from _model(site, number, output, shelf)
    yield from _plans(site)
    yield from check_money(site)
    yield from _theme(site, folder)


def _names(site: Site, folder: Path) -> Iterator[Finding]:
    if site.name != folder.name:
        yield Finding(
            key=("name",),
            message=f"is {site.name!r}, but the folder is called {folder.name!r}",
            mend="give both the same name",
        )
    for host in site.hosts:
        if host != ANY_HOST and plain_host(host) != host:
            yield Finding(
                key=("hosts",),
                message=f"{host!r} is no host",
                mend="write it in lower case, without https:// and port: acapella.example.org",
            )


def _languages(site: Site) -> Iterator[Finding]:
    titles: list[tuple[Keys, Mapping[str, object]]] = [(("texts",), site.texts)]
    titles += [(("outputs", n, "title"), output.title) for n, output in enumerate(site.outputs)]
    titles += [(("plans", name, "title"), plan.title) for name, plan in site.plans.items()]
    titles += [(("packs", name, "title"), pack.title) for name, pack in site.packs.items()]
    for key, translated in titles:
        for language in site.languages:
            if language not in translated:
                yield Finding(
                    key=key,
                    message=f"has nothing in the language {language!r}",
                    mend=f"add it, or take {language!r} out of languages",
                )
    for language, texts in site.texts.items():
        if language not in site.languages:
            yield Finding(
                key=("texts", language),
                message=f"{language!r} is not one of the site's languages",
                mend="add it to languages, or remove the texts",
            )
        if len(texts.description) not in _SEARCH_ENGINES_SHOW:
            yield Finding(
                key=("texts", language, "description"),
                message=f"has {len(texts.description)} letters",
                mend="search engines show 50 to 160",
                severity="warning",
            )


def _outputs(site: Site) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, output in enumerate(site.outputs):
        if output.name in seen:
            yield Finding(
                key=("outputs", number, "name"),
                message=f"{output.name!r} comes twice",
                mend="give each output a name of its own",
            )
        seen.add(output.name)
        if output.residual and not output.stems:
            yield Finding(
                key=("outputs", number, "residual"),
                message="is true, but all stems are delivered and nothing is left over",
                mend="name the stems, or take residual out",
            )
        if site.screen == "single" and len(output.stems) != 1:
            yield Finding(
                key=("outputs", number),
                message="delivers more than one stem, and the screen is for a single one",
                mend='name one stem, or write screen = "mixer"',
            )


def _model(site: Site, number: int, output: Output, shelf: ModelShelf) -> Iterator[Finding]:
    key: Keys = ("outputs", number, "model")
    card = shelf.known(output.model)
    if card is None:
        yield Finding(
            key=key,
            message=f"there is no model {output.model!r}",
            mend="stemhouse models list shows those that there are",
        )
        return
    for stem in output.stems:
        if stem not in card.stems:
            yield Finding(
                key=("outputs", number, "stems"),
                message=f"the model {card.name} has no stem {stem!r}",
                mend=f"it has: {', '.join(card.stems)}",
            )
    if site.charges and not card.may_be_sold:
        yield Finding(
            key=key,
            message=f"the weights of {card.name} may not be sold ({card.licence})",
            mend="take another model, or write charges = false",
        )
    if shelf.installed(output.model) is None:
        yield Finding(
            key=key,
            message=f"the weights of {card.name} are not installed, so this is not offered",
            mend=f"stemhouse models pull {card.name}",
            severity="warning",
        )


def _plans(site: Site) -> Iterator[Finding]:
    if "free" not in site.plans:
        yield Finding(
            key=("plans",),
            message="the plan free is missing",
            mend="add [plans.free]: what accounts may do that pay nothing",
        )
    for name, plan in site.plans.items():
        both = (
            ("formats", plan.formats, site.formats),
            ("qualities", plan.qualities, site.qualities),
        )
        for what, wanted, offered in both:
            for one in wanted:
                if one not in offered:
                    yield Finding(
                        key=("plans", name, what),
                        message=f"{one!r} is not one of the site's {what}",
                        mend=f"the site has: {', '.join(offered)}",
                    )


def _theme(site: Site, folder: Path) -> Iterator[Finding]:
    for mode, palette in (("light", site.theme.light), ("dark", site.theme.dark)):
        pairs = (
            ("on_accent", "accent", TEXT),
            ("text", "background", TEXT),
            ("text", "surface", TEXT),
            ("accent", "background", SHAPE),
        )
        for front, back, needed in pairs:
            ratio = contrast(getattr(palette, front), getattr(palette, back))
            if ratio < needed:
                yield Finding(
                    key=("theme", mode, front),
                    message=f"stands out from {back} by {ratio:.1f} : 1",
                    mend=f"choose colours with {needed:g} : 1 or more, so that people can read it",
                )
    logo = site.theme.logo
    if not _LOGO.fullmatch(logo) or not (folder / logo).is_file():
        yield Finding(
            key=("theme", "logo"),
            message=f"there is no SVG file {logo!r} beside the site file",
            mend="put one there, and write its name alone",
        )
