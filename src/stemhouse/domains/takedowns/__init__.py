"""Takedowns: somebody says that a song is theirs and must go, and what became of it."""
