"""Networks by name, and trained ones: open one, and ask it about pictures."""
