"""What the routes of all domains share: the request's transaction, pages of lists, idempotency.

It stands below the domains, so that their routes may use it; how a finished application is put
together, and how errors become answers, is in ``stemhouse.api``.
"""
