"""What the service is about, in order: accounts, uploads, separations, billing, webhooks.

A domain imports those before it, never those after it. In each: routes → service → queries →
tables.
"""
