"""Money that moves: payment methods, payment intents, charges, refunds, disputes."""

from __future__ import annotations

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.cards import card, refuse
from stemhouse.testing.stripe.catalogue import metadata
from stemhouse.testing.stripe.refusals import Json, Refusal, bad, missing, only_one_of

DAY_S = 86_400


def keep_card(account: FakeAccount, number: str, customer_id: str) -> Json:
    """Attach a card to a customer."""
    kind, digits = card(number), number.replace(" ", "")
    if not kind.keeps:
        raise refuse(kind)
    details = {"brand": kind.brand, "last4": digits[-4:], "exp_month": 12, "exp_year": 2040}
    made = account.make(
        "payment_method", {"customer": customer_id, "type": "card", "card": details, "metadata": {}}
    )
    account.cards[made["id"]] = digits
    return made


def pay(account: FakeAccount, what: Json, method_id: str | None, number: str | None = None) -> Json:
    """Ask a card for money; return the payment intent, which says whether it paid.

    Parameters
    ----------
    account : FakeAccount
        Whose money it becomes.
    what : dict
        customer, amount, currency, description, metadata; and the intent, where there is one.
    method_id : str or None
        A kept payment method.
    number : str, optional
        A card's number where none is kept.
    """
    intent = what.get("intent") or new_intent(account, what)
    digits = number or account.cards.get(method_id or "")
    kind = card(digits) if digits else card("4000000000000002")
    intent["payment_method"] = method_id
    details = {"brand": kind.brand, "last4": (digits or "")[-4:]}
    charge = add_charge(account, intent, {"type": "card", "card": details})
    if kind.code is None:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        intent["last_payment_error"] = None
        account.tell("charge.succeeded", charge)
        account.tell("payment_intent.succeeded", intent)
        if kind.disputed:
            dispute(account, charge["id"], kind.disputed)
        return intent
    error = refuse(kind).body["error"]
    charge |= {"status": "failed", "paid": False, "captured": False, "amount_captured": 0}
    charge |= {"failure_code": kind.code, "failure_message": kind.message, "receipt_url": None}
    intent |= {"status": "requires_payment_method", "last_payment_error": error}
    account.tell("charge.failed", charge)
    account.tell("payment_intent.payment_failed", intent)
    return intent


def refusal_of(intent: Json) -> Refusal:
    """Return why a payment intent was not paid, as an answer."""
    error = intent["last_payment_error"]
    more = {"code": error.get("code"), "decline_code": error.get("decline_code")}
    return Refusal(402, error["message"], kind="card_error", payment_intent=intent, **more)


def create_refund(account: FakeAccount, asked: Json) -> Json:
    """Give money back: all that is left, or a part."""
    charge = _charge_to_refund(account, asked)
    if not charge["paid"]:
        raise bad(f"Charge {charge['id']} has not been paid.", "charge")
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise bad(message, code="charge_already_refunded")
    if any(not one["is_charge_refundable"] for one in account.rows("dispute", charge=charge["id"])):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise bad(message, code="charge_disputed")
    amount = asked.get("amount", left)
    if amount <= 0:
        raise bad("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        raise bad(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            "amount",
        )
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    made = account.make(
        "refund",
        {
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": metadata({}, asked.get("metadata")),
            "payment_intent": charge["payment_intent"],
            "reason": asked.get("reason"),
            "receipt_number": None,
            "status": "succeeded",
        },
    )
    account.tell("charge.refunded", charge)
    account.tell("refund.created", made)
    return made


def fail_refund(account: FakeAccount, refund_id: str) -> Json:
    """Let a refund come back, as when the card is no more."""
    refund = account.get("refund", refund_id)
    charge = account.get("charge", refund["charge"])
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    account.tell("refund.failed", refund)
    return refund


def dispute(
    account: FakeAccount, charge_id: str, reason: str = "fraudulent", *, inquiry: bool = False
) -> Json:
    """Let the owner of a card ask its bank for the money; with an inquiry the bank only asks."""
    charge = account.get("charge", charge_id)
    charge["disputed"] = True
    now = account.now(charge["customer"])
    made = account.make(
        "dispute",
        {
            "amount": charge["amount"] - charge["amount_refunded"],
            "balance_transactions": [],
            "charge": charge_id,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {"uncategorized_text": None},
            "evidence_details": {"due_by": now + 14 * DAY_S, "submission_count": 0},
            "is_charge_refundable": inquiry,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        },
    )
    account.tell("charge.dispute.created", made)
    if not inquiry:
        account.tell("charge.dispute.funds_withdrawn", made)
    return made


def escalate(account: FakeAccount, dispute_id: str) -> Json:
    """Let an inquiry become a dispute: the bank takes the money."""
    found = account.get("dispute", dispute_id)
    found |= {"status": "needs_response", "is_charge_refundable": False}
    account.tell("charge.dispute.updated", found)
    account.tell("charge.dispute.funds_withdrawn", found)
    return found


def update_dispute(account: FakeAccount, asked: Json, dispute_id: str) -> Json:
    """Answer a dispute: the test mode's own words decide it."""
    found = account.get("dispute", dispute_id)
    text = asked.get("evidence", {}).get("uncategorized_text")
    found["evidence"]["uncategorized_text"] = text
    if asked.get("submit", True) and text in {"winning_evidence", "losing_evidence"}:
        end_dispute(account, found, won=text == "winning_evidence")
    return found


def close_dispute(account: FakeAccount, _asked: Json, dispute_id: str) -> Json:
    """Give in."""
    found = account.get("dispute", dispute_id)
    end_dispute(account, found, won=False)
    return found


def end_dispute(account: FakeAccount, found: Json, *, won: bool) -> None:
    """Decide a dispute."""
    if found["status"] in {"won", "lost"}:
        raise bad("This dispute is already closed")
    if found["status"].startswith("warning_"):
        found["status"] = "warning_closed"
        account.tell("charge.dispute.closed", found)
        return
    found["status"] = "won" if won else "lost"
    account.tell("charge.dispute.closed", found)
    if won:
        account.tell("charge.dispute.funds_reinstated", found)


def new_intent(account: FakeAccount, what: Json) -> Json:
    """Make a payment intent that nobody has paid."""
    fields = {
        "amount": what["amount"],
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "capture_method": "automatic",
        "client_secret": None,
        "confirmation_method": "automatic",
        "currency": what["currency"],
        "customer": what["customer"],
        "description": what.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": what.get("metadata", {}),
        "payment_method": None,
        "payment_method_types": ["card"],
        "receipt_email": None,
        "setup_future_usage": what.get("setup_future_usage"),
        "status": "requires_payment_method",
    }
    made = account.make("payment_intent", fields)
    account.tell("payment_intent.created", made)
    return made


def add_charge(account: FakeAccount, intent: Json, method: Json) -> Json:
    """Make the charge of a payment intent, as one that has been paid."""
    made = account.make(
        "charge",
        {
            "amount": intent["amount"],
            "amount_captured": intent["amount"],
            "amount_refunded": 0,
            "balance_transaction": None,
            "captured": True,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_code": None,
            "failure_message": None,
            "metadata": dict(intent["metadata"]),
            "paid": True,
            "payment_intent": intent["id"],
            "payment_method": intent["payment_method"],
            "payment_method_details": method,
            "receipt_email": None,
            "receipt_number": None,
            "receipt_url": None,
            "refunded": False,
            "status": "succeeded",
        },
    )
    made["receipt_url"] = f"{account.address}/receipts/{made['id']}"
    intent["latest_charge"] = made["id"]
    return made


def _charge_to_refund(account: FakeAccount, asked: Json) -> Json:
    if ("charge" in asked) and ("payment_intent" in asked):
        raise only_one_of("charge", "payment_intent")
    if "charge" in asked:
        return account.get("charge", asked["charge"], "charge")
    if "payment_intent" not in asked:
        raise missing("payment_intent")
    intent = account.get("payment_intent", asked["payment_intent"], "payment_intent")
    if intent["latest_charge"] is None:
        raise bad("This PaymentIntent does not have a successful charge to refund.")
    return account.get("charge", intent["latest_charge"])
