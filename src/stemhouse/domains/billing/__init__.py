"""Credits: what an account may still have separated, as an append-only ledger."""
