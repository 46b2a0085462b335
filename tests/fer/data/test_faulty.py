import io
import os

import numpy as np
import pytest
from PIL import Image

from fer.data import dataset, faulty, synthetic


def test_blank_images_of_any_gray_show_no_face(rng):
    images = np.stack([np.full((48, 48), gray, np.uint8) for gray in (0, 1, 90, 254)])
    noise = rng.integers(-3, 4, images.shape)
    assert faulty.no_face(images).all()
    assert faulty.no_face(np.clip(images + noise, 0, 255).astype(np.uint8)).all()
    assert faulty.black(images).tolist() == [True, True, False, False]


def test_drawn_faces_are_faces():
    images = synthetic.load(count=1400, seed=5).train.images
    assert not faulty.no_face(images).any()
    assert not faulty.black(images).any()


def test_means_are_those_of_the_blocks(rng):
    images = rng.integers(0, 256, (3, 48, 48), dtype=np.uint8)
    for image, means in zip(images, faulty.block_means(images)):
        expected = [image[y : y + 12, x : x + 12].mean() for y in range(0, 48, 12) for x in range(0, 48, 12)]
        assert np.abs(means - expected).max() <= 0.5


def placeholder(row, texture):
    """Return an image that has a known row's means, and none of its content."""
    means = np.frombuffer(bytes.fromhex(faulty.KNOWN_NON_FACES[row]), np.uint8).reshape(4, 4)
    return np.clip(np.kron(means, np.ones((12, 12))) + texture, 0, 255).astype(np.uint8)


def test_known_rows_are_found_by_their_means():
    checks = np.where(np.indices((48, 48)).sum(0) % 2, 20, -20)  # of mean 0 in each block
    rows = [row for row in faulty.KNOWN_NON_FACES if min(bytes.fromhex(faulty.KNOWN_NON_FACES[row])) > 23]
    rows = [row for row in rows if max(bytes.fromhex(faulty.KNOWN_NON_FACES[row])) < 232]
    images = np.stack([placeholder(row, checks) for row in rows])
    assert len(rows) >= 5
    assert faulty.no_face(images).all()
    further = np.where(np.arange(48) < 12, 2 * faulty.TOLERANCE, 0)
    assert not faulty.no_face(np.stack([placeholder(row, checks + further) for row in rows])).any()


def test_dropping_leaves_the_other_rows_and_the_other_splits(tmp_path):
    images = synthetic.draw(np.arange(7), 0)
    images[1], images[3], images[6] = 0, 140, 0
    usage = ["Training"] * 5 + ["PublicTest", "PrivateTest"]
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(7), usage=usage)
    data = dataset.load(tmp_path / "a.npz", drop_faulty=True)
    assert data.train.labels.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(data.train.images, images[[0, 2, 4]])
    assert (len(data.validation), len(data.test)) == (1, 1)
    assert data.notes[-1] == "1 black and 1 non-face rows of Training left out"
    assert len(dataset.load(tmp_path / "a.npz").train) == 5


real = pytest.mark.skipif("FER2013_DATA" not in os.environ, reason="FER2013_DATA names no real rows")
BLACK = [6458, 7629, 10423, 11286, 13148, 13402, 13988, 15894, 22198, 22927, 28601]


@real
def test_in_the_real_rows_the_known_ones_and_no_others_are_found():
    images = dataset.load().train.images
    assert np.flatnonzero(faulty.black(images)).tolist() == BLACK
    assert np.flatnonzero(faulty.no_face(images)).tolist() == sorted([*BLACK, *faulty.KNOWN_NON_FACES, 2171])


@real
@pytest.mark.parametrize("quality", [50, 75, 95])
def test_in_jpeg_files_they_are_found_too(quality):
    images = dataset.load().train.images[sorted([*BLACK, *faulty.KNOWN_NON_FACES, 2171])]
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        assert faulty.no_face(np.asarray(Image.open(file))[None]).all()
