"""People: accounts, sessions, keys, guests, and who may do what."""
