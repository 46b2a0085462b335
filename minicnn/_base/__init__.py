"""What the rooms above share: names, objects as JSON, whole files, and what a Keras script may say that is not here."""

__version__ = "0.1.0"
