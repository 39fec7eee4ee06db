"""What the mails say."""

from __future__ import annotations

from urllib.parse import quote

from stemhouse.domains.accounts.mail import Mail
from stemhouse.http.sites import Place


def confirm_address(place: Place, recipient: str, token: str) -> Mail:
    """Ask the owner of an address to confirm it."""
    return Mail(
        recipient=recipient,
        subject=f"{place.site.title}: confirm your e-mail address",
        body=(
            "Hello,\n\n"
            f"please confirm that this address is yours, for {place.site.title}:\n\n"
            f"{_link(place, 'verify', token)}\n\n"
            "The link works for a day. If you did not ask for it, do nothing.\n"
        ),
    )


def choose_password(place: Place, recipient: str, token: str) -> Mail:
    """Let somebody who forgot a password choose a new one."""
    return Mail(
        recipient=recipient,
        subject=f"{place.site.title}: choose a new password",
        body=(
            "Hello,\n\n"
            f"here you can choose a new password for {place.site.title}:\n\n"
            f"{_link(place, 'reset', token)}\n\n"
            "The link works for an hour. If you did not ask for it, do nothing: "
            "your password stays as it is.\n"
        ),
    )


def already_here(place: Place, recipient: str) -> Mail:
    """Tell somebody who signs up again that there is an account."""
    return Mail(
        recipient=recipient,
        subject=f"{place.site.title}: you have an account already",
        body=(
            "Hello,\n\n"
            f"somebody, probably you, has signed up at {place.site.title} with this address, "
            f"which has an account already. Sign in at\n\n{place.address}/\n\n"
            "or ask there for a new password. If it was not you, do nothing.\n"
        ),
    )


def _link(place: Place, page: str, token: str) -> str:
    return f"{place.address}/{page}?token={quote(token)}"
