"""Eight threads with one Predictor, or each with its own: the same predictions and maps as alone."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from fer import Predictor
from fer.data import pictures
from fer.networks import operations
from tests.minicnn.models.threads import at_once


def faces(number, count=3):
    return np.random.default_rng(number).integers(0, 256, (count, 48, 48), np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_predictions_and_explanations_are_those_of_one_thread(shared, kernels):
    one = Predictor("tiny")
    predictors = [one if shared else Predictor("tiny") for _ in range(8)]
    for each in predictors if kernels else []:
        operations.wait_for_kernels(each.model)

    def work(number):
        predictions = predictors[number].predict(faces(number))
        if kernels:
            explained = predictors[number].explain(predictions[0], "Happy")
            maps = [explained.grad_cam, explained.input_gradient, explained.hires_cam, explained.occlusion]
        else:  # the other maps need many predictions, which compile the kernels
            maps = [predictors[number].grad_cam(predictions[0], "Happy")]
        return [prediction.probabilities for prediction in predictions], [each.tobytes() for each in maps]

    alone = [work(number) for number in range(8)]
    assert at_once(work) == alone


def test_the_error_stream_survives_tiffs_in_threads():
    """libtiff's own messages are turned off while it reads: for the process, so one picture at a time."""
    before, content = os.fstat(2), io.BytesIO()
    Image.fromarray(faces(0)[0]).save(content, "TIFF", compression="tiff_lzw")

    def work(number):
        for _ in range(40):
            pictures.decode(content.getvalue(), "face.tif")

    at_once(work)
    assert (os.fstat(2).st_dev, os.fstat(2).st_ino) == (before.st_dev, before.st_ino)
