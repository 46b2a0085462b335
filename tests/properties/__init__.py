"""What must hold of every operation, whatever it computes: see registry.py for the operations and their arguments."""
