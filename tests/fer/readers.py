"""Networks whose answers are known: they read the emotion from the first seven pixels of the image."""

import json

import numpy as np

from minicnn import Input, Sequential, layers

PER_GRAY_VALUE = 5 / 255  # a white pixel is a logit of 5


def reader():
    """Return a network of one dense layer: the logit of emotion k is pixel (0, k) times a constant."""
    model = Sequential([Input((48, 48, 1)), layers.Flatten(), layers.Dense(7, activation="softmax")])
    kernel = np.zeros((48 * 48, 7), np.float32)
    kernel[np.arange(7), np.arange(7)] = PER_GRAY_VALUE
    model.set_weights([kernel, np.zeros(7, np.float32)])
    return model


def convolving_reader():
    """Return the same with a convolution in front that changes nothing, so that there are maps to explain."""
    convolution = layers.Conv2D(2, 1, activation="relu")
    dense = layers.Dense(7, activation="softmax")
    model = Sequential([Input((48, 48, 1)), convolution, layers.Flatten(), dense])
    kernel = np.zeros((48, 48, 2, 7), np.float32)
    kernel[0, np.arange(7), 0, np.arange(7)] = PER_GRAY_VALUE
    weights = [np.array([1, 0], np.float32).reshape(1, 1, 1, 2), np.zeros(2, np.float32)]
    model.set_weights([*weights, kernel.reshape(-1, 7), np.zeros(7, np.float32)])
    return model


def face(emotion, gray=255, rest=100):
    """Return an image (48, 48) that a reader takes for ``emotion``, the more
    surely the higher ``gray`` is.
    """
    image = np.full((48, 48), rest, np.uint8)
    image[0, :7] = 0
    image[0, emotion] = gray
    return image


def confidence(gray=255):
    """Return the probability that a reader gives to the emotion of ``face(emotion, gray)``."""
    top = np.exp(gray * PER_GRAY_VALUE)
    return top / (top + 6)


def write_run(folder, model=None, data=None, name="faces.npz"):
    """Make a run's folder with a model and a configuration that names its data."""
    folder.mkdir(parents=True)
    for file in ("model_best.npz", "model_last.npz"):
        (model or reader()).save(folder / file)
    config = {"arguments": {"data": data and str(data), "drop_faulty": False}, "data": {"name": name}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_data(path, **splits):
    """Write splits, each a list of (image, label), as an .npz of FER2013's form."""
    uses = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
    rows = [(image, label, uses[name]) for name, split in splits.items() for image, label in split]
    images, labels, usage = zip(*rows)
    np.savez(path, images=np.stack(images), labels=np.array(labels, np.uint8), usage=np.array(usage))
    return path
