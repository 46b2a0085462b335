"""What must hold of every operation, whatever it computes. See registry.py for the operations."""
