"""What the service is about: accounts < uploads < separations < billing < webhooks, one package each.

A domain imports those before it, never those after it. In each: routes → service → queries →
tables.
"""
