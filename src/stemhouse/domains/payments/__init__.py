"""Payments: what sites sell through Stripe, and what becomes of what was paid."""
