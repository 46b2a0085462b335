"""ImageDataGenerator against Keras's: the same parameters make the same image, the
same folder the same batches.

Keras needs scipy for it. What is compared are square images: Keras turns others about another point.
"""

import os
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("torch")
pytest.importorskip("keras")
pytest.importorskip("scipy")

from keras.src.legacy.preprocessing import image as keras_image
from PIL import Image

import minicnn
from minicnn.preprocessing import image

PARAMETERS = {
    "theta": st.floats(-180, 180),
    "tx": st.floats(-4, 4),
    "ty": st.floats(-4, 4),
    "shear": st.floats(-60, 60),
    "zx": st.floats(0.4, 2.5),
    "zy": st.floats(0.4, 2.5),
    "flip_horizontal": st.booleans(),
    "flip_vertical": st.booleans(),
    "channel_shift_intensity": st.floats(-99, 99),
}


def both(**options):
    return keras_image.ImageDataGenerator(**options), image.ImageDataGenerator(**options)


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "mirror"])
@given(
    parameters=st.fixed_dictionaries({}, optional=PARAMETERS),
    channels=st.sampled_from([1, 3]),
    size=st.integers(2, 14),
    seed=st.integers(0, 99),
)
def test_the_same_parameters_make_the_same_image(fill_mode, parameters, channels, size, seed):
    x = np.random.default_rng(seed).uniform(0, 255, (size, size, channels)).astype("float32")
    theirs, ours = both(fill_mode=fill_mode)
    with warnings.catch_warnings():
        # Keras asks scipy for an old name
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = theirs.apply_transform(x, parameters)
    np.testing.assert_allclose(ours.apply_transform(x, parameters), expected, atol=2e-3)


@given(factor=st.floats(0, 3), low=st.sampled_from([0, -9]), seed=st.integers(0, 99))
def test_brightness(factor, low, seed):
    x = np.random.default_rng(seed).uniform(low, 250, (5, 5, 3)).astype("float32")
    theirs, ours = both()
    expected = theirs.apply_transform(x, {"brightness": factor})
    np.testing.assert_allclose(
        ours.apply_transform(x, {"brightness": factor}), expected, rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize(
    "options",
    [
        {"rescale": 1 / 255},
        {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.1},
        {"samplewise_center": True, "samplewise_std_normalization": True},
        {"preprocessing_function": lambda x: x / 127.5 - 1},
    ],
)
def test_the_same_scaling(options, rng):
    x = rng.integers(0, 256, (12, 6, 6, 3)).astype("float32")
    theirs, ours = both(**options, validation_split=0.25)
    batches = []
    for generator in (theirs, ours):
        generator.fit(x)
        flow = generator.flow(x, np.arange(12), 4, shuffle=False, subset="training", ignore_class_split=True)
        batches.append([flow[number] for number in range(len(flow))])
    for (a, y), (b, z) in zip(*batches):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(y, z)


@pytest.mark.parametrize("subset", ["training", "validation"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos"])
def test_the_same_folder(tmp_path, rng, capsys, subset, interpolation):
    for label, count in (("sad", 7), ("happy", 5)):
        (tmp_path / label).mkdir()
        for number in range(count):
            image.save_img(tmp_path / label / f"{number}.png", rng.uniform(0, 255, (9, 11, 3)), scale=False)
    flows = [
        generator.flow_from_directory(
            tmp_path, (6, 6), "grayscale", batch_size=4, shuffle=False, subset=subset,
            interpolation=interpolation, keep_aspect_ratio=True,
        )
        for generator in both(validation_split=0.3)
    ]  # fmt: skip
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == printed[1]
    theirs, ours = flows
    for name in ("samples", "n", "batch_size", "num_classes", "class_indices", "filenames", "image_shape"):
        assert getattr(ours, name) == getattr(theirs, name)
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    assert len(ours) == len(theirs)
    for number in range(len(ours)):
        for a, b in zip(ours[number], theirs[number]):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_files_of_a_folder_are_in_keras_order(subset, tmp_path):
    from keras.src.utils import dataset_utils  # what keras.utils.image_dataset_from_directory calls

    for number in range(23):
        path = tmp_path / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (2, 2), number).save(path)
    paths, labels, names = dataset_utils.index_directory(
        str(tmp_path), "inferred", (".png",), shuffle=True, seed=7, verbose=False
    )
    paths, labels = dataset_utils.get_training_or_validation_split(paths, labels, 0.3, subset)
    options = {"validation_split": 0.3, "subset": subset, "seed": 7, "verbose": False}
    ours = minicnn.utils.image_dataset_from_directory(tmp_path, **options)
    assert ours.class_names == names
    assert ours.file_paths == paths
    assert ours.labels.tolist() == labels.tolist()
