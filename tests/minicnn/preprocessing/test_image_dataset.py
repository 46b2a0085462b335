"""image_dataset_from_directory and split_dataset: files, labels, parts, and a training on them."""

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn import layers
from minicnn.utils import image_dataset_from_directory, split_dataset


@pytest.fixture
def folder(tmp_path):
    """Ten images of 4 × 4 pixels in two classes; the image of file k is full of 10·k."""
    for number in range(10):
        path = tmp_path / ("happy" if number % 3 else "angry") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), 10 * number, np.uint8)).save(path)
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def opened(folder, **options):
    return image_dataset_from_directory(folder, image_size=(4, 4), verbose=False, **options)


def numbers_of(dataset):
    return [int(path.rpartition("/")[2].partition(".")[0]) for path in map(str, dataset.file_paths)]


ORDER = [0, 3, 6, 9, 1, 2, 4, 5, 7, 8]  # angry, then happy


def test_files_labels_and_images(folder, capsys):
    dataset = image_dataset_from_directory(folder, image_size=(4, 4), shuffle=False, batch_size=4)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert dataset.class_names == ["angry", "happy"]
    assert numbers_of(dataset) == ORDER
    batches = list(dataset)
    assert (
        [len(images) for images, _ in batches]
        == [4, 4, 2]
        == [len(dataset[k][0]) for k in range(len(dataset))]
    )
    images, labels = (np.concatenate(each) for each in zip(*batches))
    assert (images.shape, images.dtype, labels.dtype) == ((10, 4, 4, 3), np.float32, np.int32)
    assert (images[:, 0, 0, 0] / 10).tolist() == ORDER
    assert labels.tolist() == [0] * 4 + [1] * 6


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("categorical", [[1, 0]] * 4), ("binary", [[0]] * 4), ("int", [0] * 4)],
)
def test_forms_of_labels(folder, mode, expected):
    _, labels = opened(folder, shuffle=False, label_mode=mode)[0]
    assert labels[:4].tolist() == expected
    assert opened(folder, labels=None, color_mode="grayscale")[0].shape == (10, 4, 4, 1)
    own = opened(folder, labels=[5, 7] * 5, shuffle=False)
    assert own.class_names == ["5", "7"]
    assert numbers_of(opened(folder, class_names=["happy", "angry"], shuffle=False)) == ORDER[4:] + ORDER[:4]


def test_the_two_parts_share_no_file_and_are_those_of_keras(folder):
    options = {"validation_split": 0.25, "seed": 3}
    train, validation = opened(folder, subset="both", **options)
    # numpy.random.RandomState(3) shuffles ORDER so; the last int(0.25 · 10) = 2 are for validation
    mixed = list(ORDER)
    np.random.RandomState(3).shuffle(mixed)
    assert numbers_of(train) + numbers_of(validation) == mixed
    assert len(numbers_of(validation)) == 2
    assert numbers_of(opened(folder, subset="training", **options)) == mixed[:8]
    assert numbers_of(opened(folder, subset="validation", **options)) == mixed[8:]


def test_each_pass_has_a_new_order_which_can_be_restored(folder):
    dataset = opened(folder, seed=1, batch_size=3)

    def one_pass(dataset):
        return [int(value / 10) for images, _ in dataset for value in images[:, 0, 0, 0]]

    first, second = one_pass(dataset), one_pass(dataset)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    state = dataset.get_state()
    third = one_pass(dataset)
    dataset.set_state(state)
    assert one_pass(dataset) == third
    plain = opened(folder, shuffle=False)
    assert one_pass(plain) == one_pass(plain) == ORDER
    assert sorted(one_pass(plain.shuffle(100))) == list(range(10))


def test_datasets_of_datasets(folder):
    dataset = opened(folder, shuffle=False, batch_size=4)
    scaled = dataset.map(lambda x, y: (x / 10, y)).map(lambda x, y: (x + 1, y)).cache().prefetch(1)
    assert scaled[0][0][:, 0, 0, 0].tolist() == [1, 4, 7, 10]
    (folder / "angry" / "0.png").unlink()
    assert scaled[0][0][0, 0, 0, 0] == 1  # it was kept
    with pytest.raises(FileNotFoundError):
        dataset[0]
    assert numbers_of(dataset.take(1)) == ORDER[:4]
    assert numbers_of(dataset.skip(1)) == ORDER[4:]
    assert opened(folder, labels=None, shuffle=False).map(lambda x: x / 2)[0].shape == (9, 4, 4, 3)


def test_a_model_learns_from_it(folder):
    dataset = opened(
        folder, color_mode="grayscale", validation_split=0.2, subset="training", seed=1, batch_size=4
    )
    minicnn.random.set_seed(0)
    model = minicnn.Sequential(
        [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(dataset, validation_data=dataset, epochs=2, verbose=0).history
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert model.predict(dataset).shape == (8, 2)


def test_split_dataset(folder):
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    left, right = split_dataset((x, y), left_size=0.7)
    np.testing.assert_array_equal(left[0], x[:7])
    np.testing.assert_array_equal(right[1], y[7:])
    left, right = split_dataset(y, right_size=4, shuffle=True, seed=0)
    assert sorted([*left, *right]) == y.tolist()
    assert len(right) == 4
    assert not np.array_equal(left, y[:6])
    left, right = split_dataset(opened(folder, shuffle=False), 3, 2)
    assert (numbers_of(left), numbers_of(right)) == (ORDER[:3], ORDER[3:5])
    for sizes in ((), (0,), (1.0,), (8, 4)):
        with pytest.raises(ValueError, match="of 10 samples"):
            split_dataset(y, *sizes)
    with pytest.raises(TypeError, match="dataset=str"):
        split_dataset("faces", 0.5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_split": 0.2, "subset": "training"}, ValueError, "needs a seed"),
        ({"validation_split": 0.2, "seed": 1}, ValueError, "subset=None"),
        ({"subset": "training"}, ValueError, "subset='training'"),
        ({"label_mode": "one-hot"}, ValueError, "label_mode='one-hot'"),
        ({"labels": "folders"}, ValueError, "labels='folders'"),
        ({"labels": [1, 2]}, ValueError, "10 image files and 2 labels"),
        ({"color_mode": "gray"}, ValueError, "color_mode='gray'"),
        ({"class_names": ["sad"]}, FileNotFoundError, "sad"),
        ({"pad_to_aspect_ratio": True}, NotImplementedError, "crop_to_aspect_ratio"),
        ({"grayscale": True}, TypeError, "color_mode"),
    ],
)
def test_mistakes(folder, options, error, message):
    with pytest.raises(error, match=message):
        opened(folder, **options)
