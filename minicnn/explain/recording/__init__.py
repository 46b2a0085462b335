"""One training step written down: its nodes, its objective, its update, as JSON-able values."""
