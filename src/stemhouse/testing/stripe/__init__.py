"""A small Stripe of our own, for tests and for trying payments out.

The official library talks to it over HTTP as to the real one. docs/payments-testing.md says what it
does, what it refuses and where it ends.
"""

from __future__ import annotations

from stemhouse.testing.stripe.account import API_VERSION
from stemhouse.testing.stripe.server import FakeStripe, Seller, running_stripe

__all__ = ["API_VERSION", "FakeStripe", "Seller", "running_stripe"]
