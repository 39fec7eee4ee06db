"""Bank debits: a payment that takes days, and may not come. Single payments in euros alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.money import DAY_S, add_charge, new_intent
from stemhouse.testing.stripe.refusals import Json, bad, not_done

PAYS: Final = "DE89370400440532013000"
FAILS: Final = "DE62370400440532013001"
KNOWN: Final = (PAYS, FAILS)
TAKES_DAYS: Final = 3

_REFUSED: Final = {
    "code": "debit_not_authorized",
    "message": "The customer has notified their bank that this payment was unauthorized.",
    "type": "card_error",
}


def is_bank_account(number: str) -> bool:
    """Whether something that was typed is an account at a bank, and no card."""
    return number[:2].isalpha()


def begin(account: FakeAccount, found: Json, number: str) -> None:
    """Ask a bank for what a session costs: the session is over, and nothing is paid yet."""
    iban = number.replace(" ", "").upper()
    if iban not in KNOWN:
        raise bad("Your request was in test mode, but used a non test IBAN.")
    if found["mode"] != "payment":
        raise not_done("bank debits for subscriptions")
    if found["currency"] != "eur":
        raise bad("Bank debits are made in euros.", code="payment_method_invalid_parameter")
    what = {name: found[name] for name in ("customer", "currency")}
    what |= {"amount": found["amount_total"], "metadata": found["_intent_metadata"]}
    intent = new_intent(account, what)
    intent["status"] = "processing"
    due = account.now(found["customer"]) + TAKES_DAYS * DAY_S
    found |= {"payment_intent": intent["id"], "_debit": {"iban": iban, "due": due}}
    account.tell("payment_intent.processing", intent)


def settle(account: FakeAccount, paid: Callable[[FakeAccount, Json], None]) -> None:
    """Let banks answer where their time has come; ``paid`` does what follows from money."""
    for found in reversed(account.rows("checkout.session", payment_status="unpaid")):
        debit = found.get("_debit")
        if debit is None or debit["due"] > account.now(found["customer"]):
            continue
        with account.at(debit["due"]):
            del found["_debit"]
            _answer(account, found, debit["iban"], paid)


def _answer(
    account: FakeAccount, found: Json, iban: str, paid: Callable[[FakeAccount, Json], None]
) -> None:
    intent = account.get("payment_intent", found["payment_intent"])
    last4 = {"country": iban[:2], "last4": iban[-4:]}
    charge = add_charge(account, intent, {"type": "sepa_debit", "sepa_debit": last4})
    if iban == PAYS:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        account.tell("charge.succeeded", charge)
        account.tell("payment_intent.succeeded", intent)
        found["payment_status"] = "paid"
        paid(account, found)
        account.tell("checkout.session.async_payment_succeeded", found)
        return
    charge |= {"status": "failed", "paid": False, "captured": False, "amount_captured": 0}
    charge |= {"failure_code": _REFUSED["code"], "failure_message": _REFUSED["message"]}
    charge["receipt_url"] = None
    intent |= {"status": "requires_payment_method", "last_payment_error": _REFUSED}
    account.tell("charge.failed", charge)
    account.tell("payment_intent.payment_failed", intent)
    account.tell("checkout.session.async_payment_failed", found)
