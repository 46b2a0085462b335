"""What all packages share: names, objects as JSON, writing whole files, errors for what only Keras has."""

__version__ = "0.2.0"
