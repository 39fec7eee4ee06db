"""Stand-ins for tests, ours and others': a clock that is moved by hand, mails that stay here."""
