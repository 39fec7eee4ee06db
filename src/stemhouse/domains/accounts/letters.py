"""What the mails say."""

from __future__ import annotations

from urllib.parse import quote

from stemhouse.domains.accounts.mail import Mail
from stemhouse.settings import Settings


def confirm_address(settings: Settings, recipient: str, token: str) -> Mail:
    """Ask the owner of an address to confirm it."""
    return Mail(
        recipient=recipient,
        subject=f"{settings.site_name}: confirm your e-mail address",
        body=(
            "Hello,\n\n"
            f"please confirm that this address is yours, for {settings.site_name}:\n\n"
            f"{_link(settings, 'verify', token)}\n\n"
            "The link works for a day. If you did not ask for it, do nothing.\n"
        ),
    )


def choose_password(settings: Settings, recipient: str, token: str) -> Mail:
    """Let somebody who forgot a password choose a new one."""
    return Mail(
        recipient=recipient,
        subject=f"{settings.site_name}: choose a new password",
        body=(
            "Hello,\n\n"
            f"here you can choose a new password for {settings.site_name}:\n\n"
            f"{_link(settings, 'reset', token)}\n\n"
            "The link works for an hour. If you did not ask for it, do nothing: "
            "your password stays as it is.\n"
        ),
    )


def already_here(settings: Settings, recipient: str) -> Mail:
    """Tell somebody who signs up again that there is an account."""
    return Mail(
        recipient=recipient,
        subject=f"{settings.site_name}: you have an account already",
        body=(
            "Hello,\n\n"
            f"somebody, probably you, has signed up at {settings.site_name} with this address, "
            f"which has an account already. Sign in at\n\n{settings.address}\n\n"
            "or ask there for a new password. If it was not you, do nothing.\n"
        ),
    )


def _link(settings: Settings, page: str, token: str) -> str:
    return f"{settings.address}/{page}?token={quote(token)}"
