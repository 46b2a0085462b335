"""One training step, recorded: its nodes, its objective, its update, as JSON-able values."""
