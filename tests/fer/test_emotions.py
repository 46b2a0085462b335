import pytest

from fer.emotions import EMOTIONS, code


def test_the_order_is_that_of_fer2013():
    assert EMOTIONS == ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


def test_names_of_folders_map_to_codes_and_not_to_their_alphabetical_places():
    folders = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    assert [code(name) for name in folders] == [0, 1, 2, 3, 6, 4, 5]


def test_what_is_no_emotion_is_named():
    with pytest.raises(ValueError, match=r"name='bored' is not an emotion; expected one of Angry, "):
        code("bored")
