"""Webhooks: telling other people's servers what became of jobs (Standard Webhooks)."""
