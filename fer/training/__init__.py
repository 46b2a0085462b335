"""A training that nothing stops: its settings, what it is built from, and what watches over it."""
