"""The seven emotions, in the order of FER2013's codes: label 3 is "Happy" everywhere in this project.

A list of folders is alphabetical (neutral 4, sad 5, surprise 6) and so *not* in this order: use the names.
"""

EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


def code(name: str) -> int:
    """Return the label (0-6) of an emotion's name, in upper or lower case: ``code("happy") == 3``.

    Raises:
        ValueError: there is no such emotion.
    """
    for label, emotion in enumerate(EMOTIONS):
        if emotion.lower() == name.strip().lower():
            return label
    raise ValueError(f"name={name!r} is not an emotion; expected one of {', '.join(EMOTIONS)}")
