"""A sentence and an equation for each kind of node."""
