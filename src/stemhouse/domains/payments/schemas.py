"""Bodies of the routes of payments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from stemhouse.http.schemas import Answer, Request, UtcTime

Interval = Literal["once", "month", "year"]
PurchaseState = Literal["open", "paid", "expired", "failed"]
ItemName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]

_CENTS = "in the currency's smallest unit: 400 is $4."


class CheckoutRequest(Request):
    """What somebody wants to buy."""

    kind: Literal["pack", "plan"] = Field(
        description="pack: credits, once; plan: a subscription.", examples=["pack"]
    )
    item: ItemName = Field(description="Name of the pack or the plan.", examples=["ten"])
    interval: Literal["month", "year"] = Field(
        default="month", description="How often a plan is paid.", examples=["month"]
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")] | None = Field(
        default=None,
        description="One that the site has a price in; absent is its first.",
        examples=["usd"],
    )
    code: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        default=None, description="A code that makes it cheaper.", examples=["WELCOME"]
    )
    return_path: Annotated[
        str, StringConstraints(max_length=500, pattern=r"^/(?:[^/\\\s][^\\\s]*)?$")
    ] = Field(
        default="/account",
        description="Page of the site that the browser comes back to, with `purchase` and the "
        "purchase's identifier in its query.",
        examples=["/account"],
    )


class CheckoutAnswer(Answer):
    """Where to pay."""

    url: str = Field(
        description="Send the browser there.",
        examples=["https://checkout.stripe.com/c/pay/cs_live_a1b2c3"],
    )
    purchase_id: str | None = Field(
        description="What was begun; null where a plan is changed, which Stripe's portal does.",
        examples=["pur_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )


class PortalRequest(Request):
    """Where the browser comes back to."""

    return_path: Annotated[
        str, StringConstraints(max_length=500, pattern=r"^/(?:[^/\\\s][^\\\s]*)?$")
    ] = Field(default="/account", description="Page of the site.", examples=["/account"])


class PortalAnswer(Answer):
    """Where plans, cards and invoices are looked after."""

    url: str = Field(
        description="Send the browser there; the link works for a short while.",
        examples=["https://billing.stripe.com/p/session/live_a1b2c3"],
    )


class PurchaseAnswer(Answer):
    """Something that was, or is to be, bought."""

    id: str = Field(
        description="Identifier of the purchase.", examples=["pur_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    kind: Literal["pack", "plan"] = Field(description="What it is.", examples=["pack"])
    item: str = Field(description="Name of the pack or the plan.", examples=["ten"])
    interval: Interval = Field(description="How often it is paid.", examples=["once"])
    currency: str = Field(description="Three letters, in lower case.", examples=["usd"])
    price_cents: int = Field(
        description=f"Before codes and taxes, {_CENTS}",
        examples=[500],
    )
    paid_cents: int | None = Field(description=f"What was paid, {_CENTS}", examples=[500])
    credits: int = Field(description="What comes with it, in `unit`.", examples=[10])
    unit: str = Field(description="What credits count.", examples=["song"])
    state: PurchaseState = Field(
        description="open: not paid yet, or by a bank that takes days (then `url` is null); "
        "paid; expired: nobody paid in time; failed: Stripe refused it, or the payment did not "
        "come.",
        examples=["paid"],
    )
    url: str | None = Field(description="Where to go on with it.", examples=[None])
    created_at: UtcTime = Field(description="When it was begun.")
    paid_at: UtcTime | None = Field(description="When it was paid.")


class BillAnswer(Answer):
    """An invoice and its receipt."""

    id: str = Field(
        description="Identifier of the bill.", examples=["bil_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    number: str | None = Field(description="As it stands on the invoice.", examples=["A1B2-0001"])
    item: str = Field(description="The pack or the plan that it is for.", examples=["ten"])
    status: str = Field(
        description="open, paid, void or uncollectible, as Stripe has it.", examples=["paid"]
    )
    currency: str = Field(description="Three letters, in lower case.", examples=["usd"])
    total_cents: int = Field(description=f"With taxes, {_CENTS}", examples=[500])
    tax_cents: int = Field(description=f"Taxes in it, {_CENTS}", examples=[0])
    paid_cents: int = Field(description=f"What was paid, {_CENTS}", examples=[500])
    refunded_cents: int = Field(description=f"What was given back, {_CENTS}", examples=[0])
    hosted_url: str | None = Field(
        description="Page of the invoice.", examples=["https://invoice.stripe.com/i/a1b2c3"]
    )
    pdf_url: str | None = Field(
        description="The invoice as a file.", examples=["https://pay.stripe.com/invoice/a1b2/pdf"]
    )
    receipt_url: str | None = Field(
        description="Page of the receipt.", examples=["https://pay.stripe.com/receipts/a1b2c3"]
    )
    created_at: UtcTime = Field(description="When it was written.")
    paid_at: UtcTime | None = Field(description="When it was paid.")
    next_attempt_at: UtcTime | None = Field(
        description="When the card is asked again, if it did not pay."
    )


class SubscriptionAnswer(Answer):
    """A plan that is paid again and again."""

    id: str = Field(
        description="Identifier of the subscription.", examples=["sbs_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    plan: str = Field(description="Name of the plan.", examples=["pro"])
    interval: Literal["month", "year"] = Field(description="How often it is paid.")
    currency: str = Field(description="Three letters, in lower case.", examples=["usd"])
    status: str = Field(
        description="active, past_due (the last payment failed: give another card), canceled, or "
        "another word of Stripe's.",
        examples=["active"],
    )
    period_end: UtcTime = Field(description="Until when it is paid.")
    ends_at: UtcTime | None = Field(description="When it ends, if it was cancelled.")
    changes_to: str | None = Field(
        description="Name of the plan that it becomes at `period_end`, if another was chosen.",
        examples=[None],
    )
    grace_until: UtcTime | None = Field(
        description="Until when the plan goes on although the last payment failed."
    )


class StoreAnswer(Answer):
    """What an account has bought, for its page."""

    currencies: list[str] = Field(
        description="Currencies that the site has prices in, the usual one first.",
        examples=[["usd"]],
    )
    subscription: SubscriptionAnswer | None = Field(description="The one that lives, if any.")
    has_plans: bool = Field(description="Whether the site sells plans.", examples=[True])
    has_portal: bool = Field(
        description="Whether there is anything to look after in the portal.", examples=[True]
    )
