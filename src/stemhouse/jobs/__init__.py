"""Durable jobs: queue, cancel, recover, and the child process in which songs come apart.

What is in here knows nothing of accounts, songs or money: a job is an identifier, and the domain
that owns it hands in what its three steps do.
"""
