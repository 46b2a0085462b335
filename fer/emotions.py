"""The seven emotions, in the order of FER2013's codes: label 3 is "Happy" everywhere in this project.

A folder listing is alphabetical (neutral 4, sad 5, surprise 6) and so is *not* in this order: map by name.
"""

EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


def code(name: str) -> int:
    """Return the label (0-6) of an emotion's name, in any case: ``code("happy") == 3``."""
    for label, emotion in enumerate(EMOTIONS):
        if emotion.lower() == name.strip().lower():
            return label
    raise ValueError(f"name={name!r} is not an emotion; expected one of {', '.join(EMOTIONS)}")
