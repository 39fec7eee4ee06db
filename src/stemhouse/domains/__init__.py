"""What the service is about, one package each: accounts < uploads < separations < billing < webhooks.

A domain imports those before it, never those after it. In each: routes → service → queries →
tables.
"""
