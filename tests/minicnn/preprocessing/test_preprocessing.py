"""ImageDataGenerator: changes that a hand can compute, the same batches for the same seed, Keras's split."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from minicnn import ops, utils
from minicnn.preprocessing import transforms
from minicnn.preprocessing.image import ImageDataGenerator

EVERYTHING = {
    "rotation_range": 20,
    "width_shift_range": 0.1,
    "height_shift_range": 2,
    "shear_range": 5,
    "zoom_range": 0.1,
    "channel_shift_range": 9,
    "brightness_range": (0.5, 1.5),
    "horizontal_flip": True,
    "vertical_flip": True,
}


@pytest.fixture
def digits():
    """A picture whose every pixel is another: 10 · row + column."""
    return (10.0 * np.arange(5)[:, None] + np.arange(5)).astype("float32")[..., None]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, lambda x: x),
        ({"tx": 1}, lambda x: np.concatenate([x[:, 1:], x[:, -1:]], axis=1)),
        ({"ty": -1}, lambda x: np.concatenate([x[:1], x[:-1]])),
        ({"flip_horizontal": True}, lambda x: x[:, ::-1]),
        ({"flip_vertical": True}, lambda x: x[::-1]),
        ({"theta": 90}, lambda x: np.rot90(x)),
        ({"theta": 90, "flip_horizontal": True}, lambda x: np.rot90(x)[:, ::-1]),
        ({"zx": 0.5}, lambda x: (x[:, 1:4][:, [0, 0, 1, 1, 2]] + x[:, 1:4][:, [0, 1, 1, 2, 2]]) / 2),
        ({"channel_shift_intensity": 7}, lambda x: np.minimum(x + 7, 44)),
        ({"brightness": 0.5}, lambda x: x // 2),
        ({"brightness": 9}, lambda x: np.minimum(x * 9, 255)),
    ],
)
def test_changes_by_hand(digits, parameters, expected):
    changed = ImageDataGenerator().apply_transform(digits, parameters)
    np.testing.assert_allclose(changed, expected(digits), atol=1e-4)
    assert changed.dtype == "float32"


def test_moving_comes_after_turning(digits):
    generator = ImageDataGenerator()
    both = generator.apply_transform(digits, {"theta": 90, "tx": 1})
    turned = generator.apply_transform(digits, {"theta": 90})
    np.testing.assert_allclose(both, generator.apply_transform(turned, {"tx": 1}), atol=1e-4)


def test_brightness_of_other_values_stretches_and_back():
    x = np.array([-1.0, 0.0, 1.0], "float32").reshape(1, 3, 1)
    changed = ImageDataGenerator().apply_transform(x, {"brightness": 0.5}).ravel()
    # stretched: 0, 127.5 -> 127, 255; halved: 0, 63, 127; back: v / 255 · 2 − 1
    np.testing.assert_allclose(changed, [-1, 63 / 255 * 2 - 1, 127 / 255 * 2 - 1], atol=1e-6)


def test_a_batch_is_its_images_one_by_one(rng):
    images = rng.uniform(0, 255, (6, 7, 9, 3)).astype("float32")
    generator = ImageDataGenerator(**EVERYTHING, fill_mode="reflect")
    drawn = [generator.get_random_transform(images[0].shape, seed=k) for k in range(6)]
    together = transforms.apply(
        images, {name: np.array([d[name] for d in drawn]) for name in drawn[0]}, "reflect", 0, 1
    )
    for image, parameters, changed in zip(images, drawn, together):
        np.testing.assert_array_equal(generator.apply_transform(image, parameters), changed)
    with ops.use("reference"):
        for image, parameters, changed in zip(images, drawn, together):
            difference = np.abs(generator.apply_transform(image, parameters) - changed)
            # brightness cuts fractions off: a last bit may become a gray level
            assert (difference > 1e-3).mean() < 0.01


@given(seed=st.integers(0, 2**32))
def test_parameters_lie_in_their_ranges(seed):
    generator = ImageDataGenerator(**EVERYTHING | {"zoom_range": (0.5, 0.9)})
    drawn = generator.get_random_transform((40, 30, 1), seed)
    assert drawn == generator.get_random_transform((40, 30, 1), seed)
    assert abs(drawn["theta"]) <= 20
    assert abs(drawn["tx"]) <= 3
    assert drawn["ty"] in (-1, 0, 1)
    assert abs(drawn["shear"]) <= 5
    assert 0.5 <= drawn["zx"] <= 0.9
    assert 0.5 <= drawn["zy"] <= 0.9
    assert abs(drawn["channel_shift_intensity"]) <= 9
    assert 0.5 <= drawn["brightness"] <= 1.5


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (0, {0}),
        (3, {-2, -1, 0, 1, 2}),
        ([4, 7], {-7, -4, 4, 7}),
        ([0.25, 0.5], {-20, -10, 10, 20}),
    ],
)
def test_shifts_to_choose_from(choice, expected):
    generator = ImageDataGenerator(width_shift_range=choice)
    drawn = [generator.get_random_transform((10, 40, 1)) for _ in range(100)]
    assert {one["tx"] for one in drawn} == expected
    assert {one["ty"] for one in drawn} == {0}


def test_a_float_shift_from_one_on_is_in_pixels():
    drawn = [
        ImageDataGenerator(height_shift_range=3.0).get_random_transform((40, 40, 1))["ty"] for _ in range(99)
    ]
    assert 2 < max(drawn) <= 3
    assert -3 <= min(drawn) < -2


def test_nothing_asked_for_changes_nothing(rng):
    x = rng.integers(0, 256, (5, 6, 6, 1)).astype(np.uint8)
    (batch,) = [ImageDataGenerator().flow(x, batch_size=5, shuffle=False)[0]]
    np.testing.assert_array_equal(batch, x)
    assert batch.dtype == "float32"


def test_values_are_scaled_in_this_order(rng):
    x = rng.integers(0, 256, (4, 5, 5, 3)).astype(np.uint8)
    seen = []

    def half(image):
        seen.append(image.shape)
        return image / 2

    (images, _) = ImageDataGenerator(
        preprocessing_function=half, rescale=0.1, samplewise_std_normalization=True
    ).flow(x, np.arange(4), shuffle=False)[0]
    z = x / 20
    mean, deviation = (f(axis=(1, 2, 3), keepdims=True) for f in (z.mean, z.std))
    np.testing.assert_allclose(images, (z - mean) / (deviation + 1e-6), rtol=1e-4, atol=1e-5)
    assert seen == [(5, 5, 3)] * 4


def test_featurewise(rng):
    x = rng.integers(0, 256, (8, 5, 5, 3)).astype(np.uint8)
    generator = ImageDataGenerator(featurewise_std_normalization=True, rescale=1 / 255)
    with pytest.raises(ValueError, match=r"call fit\(images\) first"):
        generator.flow(x)[0]
    generator.fit(x)
    batch = generator.flow(x)[0]
    np.testing.assert_allclose(batch.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.std(axis=(0, 1, 2)), 1, atol=1e-4)
    still = ImageDataGenerator(featurewise_center=True, horizontal_flip=True)
    still.fit(x, augment=True, rounds=3)
    np.testing.assert_allclose(still.mean, x.mean(axis=(0, 1, 2)), rtol=1e-5)


def test_standardize_changes_floats_in_place():
    x = np.full((2, 3, 3, 1), 4, "float32")
    assert ImageDataGenerator(rescale=0.5).standardize(x) is x
    assert (x == 2).all()
    counted = np.full((2, 3, 3, 1), 4, np.uint8)
    assert (ImageDataGenerator(rescale=0.5).standardize(counted) == 2).all()
    assert (counted == 4).all()


# ---- flow ------------------------------------------------------------------------------------------------


def numbered(count, size=6):
    x = np.zeros((count, size, size, 1), np.uint8)
    x[:] = np.arange(count)[:, None, None, None]
    return x


@given(count=st.integers(1, 30), batch_size=st.integers(1, 12), shuffle=st.booleans())
def test_a_pass_has_every_sample_once_with_its_target_and_weight(count, batch_size, shuffle):
    x = numbered(count)
    flow = ImageDataGenerator().flow(x, np.arange(count), batch_size, shuffle, sample_weight=np.arange(count))
    assert len(flow) == -(-count // batch_size)
    for _ in range(2):
        batches = [next(flow) for _ in range(len(flow))]
        for images, y, weight in batches:
            np.testing.assert_array_equal(images[:, 0, 0, 0], y)
            np.testing.assert_array_equal(y, weight)
        order = np.concatenate([y for _, y, _ in batches])
        np.testing.assert_array_equal(np.sort(order), np.arange(count))
        if not shuffle:
            np.testing.assert_array_equal(order, np.arange(count))


def test_every_pass_has_its_own_order():
    flow = ImageDataGenerator().flow(numbered(50), batch_size=50)
    first, second = next(flow)[:, 0, 0, 0], next(flow)[:, 0, 0, 0]
    assert (first != second).any()


def test_the_same_seed_gives_the_same_batches(rng):
    x = rng.integers(0, 256, (10, 6, 6, 1)).astype(np.uint8)

    def batches(seed, global_seed=0, images=x):
        utils.set_random_seed(global_seed)
        flow = ImageDataGenerator(**EVERYTHING).flow(images, batch_size=4, seed=seed)
        return np.concatenate([next(flow) for _ in range(6)])

    np.testing.assert_array_equal(batches(3), batches(3, 1))
    np.testing.assert_array_equal(batches(None, 5), batches(None, 5))
    assert (batches(None, 5) != batches(None, 6)).any()
    assert (batches(3) != batches(4)).any()


def test_an_iterator_goes_on_from_its_state(rng):
    x = rng.integers(0, 256, (10, 6, 6, 1)).astype(np.uint8)
    generator = ImageDataGenerator(**EVERYTHING)
    flow, other = generator.flow(x, batch_size=4), generator.flow(x, batch_size=4)
    for _ in range(4):
        next(flow)
    other.set_state(flow.get_state())
    np.testing.assert_array_equal(flow[2], other[2])


def test_validation_has_the_first_part():
    generator = ImageDataGenerator(validation_split=0.3)
    x, y = numbered(10), np.arange(10) % 2
    for subset, expected in (("validation", range(3)), ("training", range(3, 10))):
        images, labels, weight = generator.flow(x, y, 32, False, sample_weight=np.arange(10), subset=subset)[
            0
        ]
        np.testing.assert_array_equal(images[:, 0, 0, 0], expected)
        np.testing.assert_array_equal(labels, y[list(expected)])
        np.testing.assert_array_equal(weight, expected)
    with pytest.raises(ValueError, match="shuffle x and y"):
        generator.flow(x, np.arange(10) // 5, subset="training")
    assert generator.flow(x, np.arange(10) // 5, subset="training", ignore_class_split=True).n == 7


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"zca_whitening": True}, NotImplementedError, "featurewise_std_normalization"),
        ({"data_format": "channels_first"}, NotImplementedError, "np.moveaxis"),
        ({"interpolation_order": 3}, NotImplementedError, "bilinear"),
        ({"fill_mode": "mirrored"}, ValueError, "'nearest', 'reflect', 'constant', 'wrap'"),
        ({"validation_split": 20}, ValueError, "validation_split=20"),
        ({"zoom_range": (0.1, 0.2, 0.3)}, ValueError, "zoom_range"),
        ({"brightness_range": 0.2}, ValueError, "brightness_range"),
    ],
)
def test_what_cannot_be_is_named(arguments, error, match):
    with pytest.raises(error, match=match):
        ImageDataGenerator(**arguments)


def test_arrays_that_cannot_be_are_named():
    generator = ImageDataGenerator()
    with pytest.raises(ValueError, match=r"add their one channel, x\[\.\.\., None\]"):
        generator.flow(np.zeros((3, 6, 6)))
    with pytest.raises(ValueError, match="x holds 3 images but y 2: expected as many of both"):
        generator.flow(numbered(3), [1, 2])
    with pytest.raises(ValueError, match="batch_size=0"):
        generator.flow(numbered(3), batch_size=0)
    with pytest.raises(IndexError, match="batch 3: there are 2 batches"):
        generator.flow(numbered(3), batch_size=2)[3]
    with pytest.raises(ValueError, match="subset='test'"):
        generator.flow(numbered(3), subset="test")


# ---- folders and tables ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Classes b (5 images) and a (3, one in a folder below); the gray value tells which image it is."""
    for number, name in enumerate(["a/0.png", "a/x/1.jpg", "a/2.PNG", *(f"b/{k}.png" for k in range(5))]):
        path = tmp_path / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 6), 10 * number, np.uint8)).save(path)
    (tmp_path / "faces" / "b" / "notes.txt").write_text("no image")
    (tmp_path / "faces" / "notes.txt").write_text("no class")
    return tmp_path / "faces"


def test_folders_are_classes(folder, capsys):
    flow = ImageDataGenerator(rescale=0.1).flow_from_directory(
        folder, target_size=(2, 2), color_mode="grayscale", batch_size=6, shuffle=False
    )
    assert capsys.readouterr().out == "Found 8 images belonging to 2 classes.\n"
    assert flow.class_indices == {"a": 0, "b": 1}
    assert flow.filenames == ["a/0.png", "a/2.PNG", "a/x/1.jpg", *(f"b/{k}.png" for k in range(5))]
    assert flow.filepaths[0] == str(folder / "a" / "0.png")
    assert (flow.samples, flow.n, flow.num_classes, flow.batch_size, len(flow)) == (8, 8, 2, 6, 2)
    assert flow.image_shape == (2, 2, 1)
    np.testing.assert_array_equal(flow.classes, [0, 0, 0, 1, 1, 1, 1, 1])
    assert flow.labels is flow.classes
    assert flow.classes.dtype == np.int32
    x, y = flow[0]
    np.testing.assert_allclose(x[:, 1, 1, 0], [0, 2, 1, 3, 4, 5], atol=0.11)
    np.testing.assert_array_equal(y, np.eye(2)[[0, 0, 0, 1, 1, 1]])
    assert x.dtype == y.dtype == "float32"


@pytest.mark.parametrize(
    ("mode", "expected"), [("sparse", [0, 0, 0, 1]), ("binary", [0, 0, 0, 1]), ("input", None), (None, None)]
)
def test_class_modes(folder, mode, expected):
    batch = ImageDataGenerator().flow_from_directory(
        folder, (4, 6), class_mode=mode, batch_size=4, shuffle=False
    )[0]
    if mode is None:
        assert batch.shape == (4, 4, 6, 3)
    else:
        np.testing.assert_array_equal(batch[1], batch[0] if mode == "input" else expected)
    if mode == "input":
        assert batch[1] is not batch[0]


def test_the_split_is_that_of_each_class(folder):
    generator = ImageDataGenerator(validation_split=0.4)
    held_out = generator.flow_from_directory(folder, subset="validation", shuffle=False)
    rest = generator.flow_from_directory(folder, subset="training", shuffle=False)
    assert held_out.filenames == ["a/0.png", "b/0.png", "b/1.png"]
    assert rest.filenames == ["a/2.PNG", "a/x/1.jpg", "b/2.png", "b/3.png", "b/4.png"]


def test_classes_may_be_chosen(folder):
    flow = ImageDataGenerator().flow_from_directory(folder, classes=["b", "a"])
    assert flow.class_indices == {"b": 0, "a": 1}
    assert ImageDataGenerator().flow_from_directory(folder, classes=["a"]).samples == 3
    with pytest.raises(FileNotFoundError, match="sad: there is no such folder"):
        ImageDataGenerator().flow_from_directory(folder, classes=["sad"])
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ImageDataGenerator().flow_from_directory(folder / "nowhere")


def test_a_damaged_file_is_named_when_it_is_read(folder):
    (folder / "b" / "9.png").write_text("no image")
    flow = ImageDataGenerator().flow_from_directory(folder, shuffle=False)
    with pytest.raises(ValueError, match=r"b.9\.png: no image"):
        flow[0]


def test_changed_images_can_be_looked_at(folder, tmp_path):
    flow = ImageDataGenerator().flow_from_directory(
        folder, (4, 6), "grayscale", save_to_dir=tmp_path, save_prefix="seen", shuffle=False
    )
    flow[0]
    assert len(list(tmp_path.glob("seen_*.png"))) == 8


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "filename": ["b/1.png", "a/0.png", "gone.png", "b/0.png", "b/2.png"],
            "class": ["b", "a", "a", "b", "c"],
            "age": [10.0, 20.0, 30.0, 40.0, 50.0],
        }
    )


def test_tables_name_files(folder, table, capsys):
    options = {"target_size": (4, 6), "color_mode": "grayscale", "shuffle": False}
    with pytest.warns(UserWarning, match=r"1 of 5 files are left out, such as .*gone\.png"):
        flow = ImageDataGenerator().flow_from_dataframe(table, folder, weight_col="age", **options)
    assert capsys.readouterr().out == "Found 4 validated image filenames belonging to 3 classes.\n"
    x, y, weight = flow[0]
    np.testing.assert_array_equal(x[:, 0, 0, 0], [40, 0, 30, 50])
    np.testing.assert_array_equal(y, np.eye(3)[[1, 0, 1, 2]])
    np.testing.assert_array_equal(weight, [10, 20, 40, 50])
    table = table.drop(index=2)
    raw = ImageDataGenerator().flow_from_dataframe(table, folder, y_col="age", class_mode="raw", **options)
    np.testing.assert_array_equal(raw[0][1], [10, 20, 40, 50])
    chosen = ImageDataGenerator().flow_from_dataframe(
        table, folder, classes=["c", "b"], class_mode="sparse", **options
    )
    np.testing.assert_array_equal(chosen[0][1], [1, 1, 0])
    assert chosen.filenames == ["b/1.png", "b/0.png", "b/2.png"]


def test_tables_that_cannot_be_are_named(folder, table):
    table = table.drop(index=2)
    with pytest.raises(TypeError, match="column 'age' holds"):
        ImageDataGenerator().flow_from_dataframe(table, folder, y_col="age")
    with pytest.raises(NotImplementedError, match='"raw" returns one column unchanged'):
        ImageDataGenerator().flow_from_dataframe(table, folder, class_mode="multi_output")


def test_a_sample_may_have_several_classes(folder, table):
    table = table.drop(index=2)
    table["class"] = [["a", "b"], ["b"], ["c", "a"], ["a"]]
    flow = ImageDataGenerator().flow_from_dataframe(table, folder, classes=["a", "b"], shuffle=False)
    np.testing.assert_array_equal(flow[0][1], [[1, 1], [0, 1], [1, 0], [1, 0]])


def test_a_split_of_a_sorted_table_is_told(folder, table):
    table = table.drop(index=2).sort_values("class")
    table = table.iloc[[0, 0, 0, 0, 1, 1, 2, 2, 3, 3]]  # a a a a b b b b c c
    generator = ImageDataGenerator(validation_split=0.4)
    for subset in ("training", "validation"):
        with pytest.warns(
            UserWarning, match=r"those for validation hold only a, .* only b, c\. Shuffle"
        ) as told:
            generator.flow_from_dataframe(table, folder, subset=subset)
        assert [each.filename for each in told] == [__file__]
    generator.flow_from_dataframe(table, folder)  # all of it
    generator.flow_from_dataframe(table.iloc[[0, 4, 1, 5, 2, 6, 3, 8]], folder, subset="training")
