"""What must hold of every operation, whatever it computes;
minicnn/gradient_check/suite/operations.py lists them.
"""
