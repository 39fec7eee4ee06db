"""What a site sells, as far as it can be made here: its outputs whose weights are installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from stemhouse.domains.accounts.plans import Plan
from stemhouse.domains.separations.wishes import Recipe, Wish
from stemhouse.engine.codec import parse_format
from stemhouse.engine.codec.formats import OutputFormat
from stemhouse.engine.options import Options, Quality
from stemhouse.errors import InvalidOption, ModelNotFound, NotReady, QuotaExceeded
from stemhouse.sites.models import Model, ModelShelf
from stemhouse.sites.schema import Output, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An output of a site and the model that makes it."""

    output: Output
    model: Model

    @property
    def stems(self) -> tuple[str, ...]:
        """The model's stems that are delivered, in manifest order."""
        wanted = self.output.stems
        return tuple(stem for stem in self.model.card.stems if not wanted or stem in wanted)

    def sells(self, wish: Wish) -> bool:
        """Whether a wish asks for this output, or for a part of what it delivers."""
        if wish.output is not None and wish.output != self.output.name:
            return False
        names = (self.model.card.name, *self.model.card.aliases)
        if wish.model is not None and wish.model not in names:
            return False
        whole = self.stems == self.model.card.stems
        if wish.residual and not (self.output.residual or whole):
            return False
        return wish.stems is None or set(wish.stems) <= set(self.stems)

    def recipe(self, wish: Wish, quality: Quality) -> Recipe:
        """Return the settings of a wish, with its gaps filled by the output's own."""
        stems = wish.stems if wish.stems is not None else (self.output.stems or None)
        # Nobody who names stems gets a further one that they did not ask for.
        residual = wish.residual or (wish.stems is None and self.output.residual)
        options = Options(stems=stems, residual=residual, quality=quality)
        return Recipe.of(options, self.model, self.output.name)


def offers_of(site: Site, shelf: ModelShelf) -> list[Offer]:
    """List what a site sells here and now, its usual output first."""
    models = ((output, shelf.installed(output.model)) for output in site.outputs)
    return [Offer(output=output, model=model) for output, model in models if model is not None]


def choose(site: Site, shelf: ModelShelf, plan: Plan, wish: Wish) -> Recipe:
    """Return the settings that fulfil a wish.

    Raises
    ------
    NotReady
        No model of the site is installed.
    ModelNotFound, InvalidOption
        The site does not sell that.
    QuotaExceeded
        The plan does not have the quality.
    """
    quality = cast(Quality, wish.quality or plan.qualities[0])
    _check("quality", quality, site.qualities, plan.qualities)
    offers = offers_of(site, shelf)
    if not offers:
        raise NotReady("nothing can be separated here yet: no model of this site is installed")
    fitting = [offer for offer in offers if offer.sells(wish)]
    exact = [offer for offer in fitting if wish.stems and set(wish.stems) == set(offer.stems)]
    if fitting:
        return (exact or fitting)[0].recipe(wish, quality)
    told = {"outputs": [{"name": one.output.name, "stems": list(one.stems)} for one in offers]}
    models = sorted({one.model.card.name for one in offers})
    if wish.output is None and wish.model is not None:
        named = [o for o in offers if wish.model in (o.model.card.name, *o.model.card.aliases)]
        if not named:
            raise ModelNotFound(
                f"there is no model {wish.model!r} here; choose one of GET /v1/models",
                models=models,
            )
    raise InvalidOption(
        "this site does not offer that; GET /v1/site lists its outputs and their stems", **told
    )


def download_format(site: Site, plan: Plan, wanted: str | None) -> OutputFormat:
    """Return the format of a download; None is the usual one.

    Raises
    ------
    InvalidOption
        There is no such format, or the site does not have it.
    QuotaExceeded
        The site has it, but not for this plan.
    """
    target = parse_format(wanted or plan.formats[0])
    _check("format", target.name, site.formats, plan.formats)
    return target


def _check(what: str, wanted: str, of_site: Sequence[str], of_plan: Sequence[str]) -> None:
    if wanted not in of_site:
        raise InvalidOption(
            f"this site does not offer the {what} {wanted}; choose one of {', '.join(of_plan)}",
            allowed=list(of_plan),
        )
    if wanted not in of_plan:
        raise QuotaExceeded(
            f"your plan does not have the {what} {wanted}; it has: {', '.join(of_plan)}",
            limit=what,
            allowed=list(of_plan),
        )
