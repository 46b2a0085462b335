"""Damaged files thrown at the readers: ``python -m tests.fer.fuzz --cases 10000``.

Every second case takes a good file (CSV, .npz, zip, tar, tar.gz, gzip, pictures of many formats, videos where
OpenCV is installed, all made here from synthetic faces), damages it, gives it a name that may lie, and reads
it. The others are models, checkpoints, configurations and folders that somebody has tampered with
(tests.fer.hostile). Then one of two things must hold:

* the reader returns what it promises, such as faces: uint8, 48×48, labels 0-6, uses 0-2;
* it raises what a command prints in one line: BadInput or OSError, whose text is one line and names the file;
  minicnn's own readers a ValueError that begins with the file's name.

Anything else is a failure: another exception, a warning, a line on the error stream, more than TIME
seconds, more than MEMORY bytes. A failure prints its seed and number; ``--only NUMBER`` runs that
case alone, and keeps its file.
"""

import argparse
import contextlib
import io
import itertools
import os
import resource
import signal
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from fer.data import ferplus, formats, pictures, synthetic, video_files
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from tests.fer.csv_files import text_of
from tests.fer.ferplus_files import HEADER
from tests.fer.hostile import NAMES, Hostile

TIME = 10  # seconds a case
MEMORY = 1 << 28  # bytes more than before the case
USES = ("Training", "Training", "PublicTest", "PrivateTest")
LONGEST = 600  # characters of a message beyond the file's name


def tables():
    """Return good files that hold rows, by name."""
    labels = np.array([3, 0, 6], np.uint8)
    images = synthetic.draw(labels, 0)
    usage = ["Training", "PublicTest", "PrivateTest"]
    csv = text_of(images, labels, usage).encode()
    files = {
        "a.csv": csv,
        "icml.csv": text_of(images, labels, usage, header="emotion, Usage, pixels", end="\r\n").encode(),
        "train.csv": text_of(images, labels, usage, header="emotion,pixels").encode(),
        "words.csv": text_of(
            images, ["joy", "anger", "bored"], ["train", "val", "test"], "usage;emotion;pixels", separator=";"
        ).encode(),
        "index.csv": text_of(
            images,
            ["3_happy", "very sad", "bored"],
            ["Train", "VAL", "test"],
            "Usage\tpixels\temotion",
            separator="\t",
        ).encode(),
        "utf16.csv": csv.decode().encode("utf-16"),
    }
    arrays = {"images": images, "labels": labels, "usage": np.array(usage)}
    shares = np.array([[0.5, 0.5, 0], [0, 1, 0], [0.2, 0, 0.8]], np.float32)
    others = {
        "splits.npz": {
            "x_train": images[:2, ..., None] / 255,
            "y_train": labels[:2],
            "x_test": images[2:, ..., None] / 255,
            "y_test": labels[2:],
        },
        "onehot.npz": {"x": images.astype(np.float32), "y": np.eye(7, dtype=np.uint8)[labels]},
        "shares.npz": {"images": images, "labels": shares, "classes": np.array(["sad", "joy", "bored"])},
        "words.npz": {
            "images": images,
            "labels": np.array(["a", "b", "a"]),
            "usage": np.array(["train", "val", "test"]),
        },
    }
    for name, save in (("stored.npz", np.savez), ("packed.npz", np.savez_compressed)):
        file = io.BytesIO()
        save(file, **arrays)
        files[name] = file.getvalue()
    for name, its in others.items():
        file = io.BytesIO()
        np.savez(file, **its)
        files[name] = file.getvalue()
    members = {"fer2013/fer2013.csv": csv, "fer2013/readme.txt": b"some text"}
    folders = {
        f"train/{EMOTIONS[label].lower()}/Training_{i}.jpg": encoded(Image.fromarray(image), "JPEG")
        for i, (label, image) in enumerate(zip(labels, images))
    }
    own = {f"{name}/1.png": encoded(Image.fromarray(image), "PNG") for name, image in zip("abc", images)}
    files["own.zip"] = zipped(own, zipfile.ZIP_DEFLATED)
    for name, content in (("csv", members), ("npz", {"x.npz": files["packed.npz"]}), ("folders", folders)):
        files[name + ".zip"] = zipped(content, zipfile.ZIP_DEFLATED)
        files[name + "-stored.zip"] = zipped(content, zipfile.ZIP_STORED)
        files[name + ".tar"] = tarred(content, "w")
        files[name + ".tar.gz"] = tarred(content, "w:gz")
    files["bzip2.zip"] = zipped(members, zipfile.ZIP_BZIP2)
    files["lzma.zip"] = zipped(members, zipfile.ZIP_LZMA)
    return files


def votes():
    """Return good tables of FER+'s votes, by name."""
    rows = [
        [4, 0, 0, 1, 3, 2, 0, 0, 0, 0],
        [0, 10, 0, 0, 0, 0, 0, 0, 0, 0],
        [0] * 9 + [10],
        [3, 3, 3, 0, 0, 0, 1, 0, 0, 0],
    ]
    lines = [
        HEADER,
        *(f"{use},fer{i}.png,{','.join(map(str, row))}" for i, (use, row) in enumerate(zip(USES, rows))),
    ]
    return {"votes.csv": "\n".join(lines).encode(), "windows-votes.csv": "\r\n".join(lines).encode()}


def photographs():
    """Return good pictures, by name."""
    gray = Image.fromarray(synthetic.draw([3], 0)[0])
    large = gray.resize((150, 90))
    rgb = Image.merge("RGB", [large, large.rotate(180), large])
    clear = rgb.quantize(16)
    clear.info["transparency"] = 3
    deep = Image.fromarray(np.asarray(large).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        "gray.png": encoded(gray, "PNG"),
        "rgba.png": encoded(rgb.convert("RGBA"), "PNG"),
        "palette.png": encoded(clear, "PNG"),
        "deep.png": encoded(deep, "PNG"),
        "one.png": encoded(large.convert("1"), "PNG"),
        "turned.jpg": encoded(rgb, "JPEG", exif=exif),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True),
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "animated.gif": encoded(clear, "GIF", save_all=True, append_images=[clear.rotate(90)]),
        "a.bmp": encoded(rgb, "BMP"),
        "palette.bmp": encoded(large.quantize(16), "BMP"),
        "raw.tif": encoded(rgb, "TIFF"),
        "deep.tif": encoded(deep, "TIFF"),
        "float.tif": encoded(large.convert("F"), "TIFF"),
        "a.webp": encoded(rgb, "WEBP"),
        "a.ppm": encoded(rgb, "PPM"),
        "a.pgm": encoded(large, "PPM"),
        "a.mpo": encoded(rgb, "MPO", save_all=True, append_images=[rgb.rotate(90)]),
    }
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        files[compression + ".tif"] = encoded(rgb, "TIFF", compression=compression)
    files["group4.tif"] = encoded(large.convert("1"), "TIFF", compression="group4")
    return files


def videos():
    """Return good videos, by name; none without OpenCV."""
    try:
        import cv2
    except ImportError:
        return {}
    images = [np.repeat(image[..., None], 3, 2) for image in synthetic.draw([3, 5, 0, 4], 0)]
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, code in (("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")):
            writer = cv2.VideoWriter(f"{folder}/{name}", cv2.VideoWriter.fourcc(*code), 10, (48, 48))
            for image in images * 2:
                writer.write(image)
            writer.release()
            files[name] = Path(folder, name).read_bytes()
    return files


def encoded(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def zipped(members, compression):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return file.getvalue()


def tarred(members, mode):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def damaged(content, others, rng):
    """Return the content with one to six changes, most of them near its beginning or
    its end, where the headers are.
    """
    data = bytearray(content)
    for _ in range(rng.integers(1, 7)):
        size = len(data)
        span = min(size, int(rng.choice([64, 600, 1 << 30])))
        at = int(rng.integers(0, span + 1))
        if rng.random() < 0.3:
            at = size - at
        length = int(rng.choice([1, 2, 4, 8, 40, 1000]))
        kind = rng.integers(0, 9)
        if kind == 0 and at < size:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[at : at + 1] = bytes([int(rng.choice([0, 1, 9, 10, 32, 44, 45, 48, 127, 128, 255]))])
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = rng.bytes(length)
        elif kind == 5:
            data[at : at + length] = rng.bytes(length)
        elif kind == 6:
            order = str(rng.choice(["<", ">"]))
            number = int(rng.choice([0, 1, 255, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 24, 100_000]))
            data[at : at + 4] = struct.pack(order + "I", number)
        elif kind == 7:
            data[at:at] = data[at : at + length]
        else:
            other = others[int(rng.integers(len(others)))]
            data[at:] = other[min(at, len(other)) :]
    return bytes(data)


class Case:
    """A damaged file and how it is read; the same seed and number make the same case."""

    def __init__(self, files, seed, number):
        rng = np.random.default_rng([seed, number])
        names = sorted(files)
        base = names[int(rng.integers(len(names)))]
        self.content = damaged(files[base], [files[name] for name in names], rng)
        suffix = "".join(Path(base).suffixes[-2:])
        if rng.random() < 0.15:
            suffix = str(rng.choice([".csv", ".npz", ".zip", ".jpg", ".png", ".txt", ""]))
        self.name = f"case{number}{suffix}"
        self.is_picture = (Path(base).suffix in pictures.SUFFIXES) ^ (rng.random() < 0.05)
        self.holds_votes = base.endswith("votes.csv")
        self.is_video = Path(base).suffix in video_files.SUFFIXES
        self.text = f"case {number} of seed {seed}: {base} as {self.name}"

    def fault(self, folder):
        """Read the file; return what is wrong with how that went, or None."""
        path = folder / self.name
        path.write_bytes(self.content)
        reader = wrong_votes if self.holds_votes else wrong_rows
        reader = wrong_video if self.is_video else wrong_picture if self.is_picture else reader
        wrong = fault_of(lambda: reader(path), str(path))
        path.unlink()
        return wrong

    def keep(self):
        """Write the file of the case into the working folder; return its name."""
        Path(self.name).write_bytes(self.content)
        return self.name


class HostileCase(Hostile):
    """A case of tests.fer.hostile."""

    def __init__(self, seed, number):
        super().__init__(seed, number, damaged)

    def fault(self, folder):
        """Make the case in a folder of its own and read it, as Case.fault."""
        with tempfile.TemporaryDirectory(dir=folder) as inner:
            path = self.prepare(Path(inner))
            name = inner if self.kind == "special" else str(path)
            return fault_of(lambda: self.read(path), name)

    def keep(self):
        """Make the case in a new folder; return its name."""
        folder = tempfile.mkdtemp(prefix="case", dir=".")
        return str(self.prepare(Path(folder)))


def case_of(files, seed, number):
    """Return the case of a number: every second one is a data file, the others are of tests.fer.hostile."""
    return HostileCase(seed, number) if number % 2 else Case(files, seed, number)


def fault_of(read, name):
    """Call a reader; return what is wrong with how that went, or None."""
    memory, start = peak_memory(), time.perf_counter()
    try:
        with time_limit(TIME), warnings.catch_warnings():
            warnings.simplefilter("error")
            # Weights of a damaged checkpoint can be too large to train with: fit says so in this line and ends well.
            warnings.filterwarnings("ignore", "epoch 2, batch [12]: this step was not taken")
            wrong = read()
    except (BadInput, OSError, ValueError) as error:
        own = isinstance(error, BadInput | OSError) or str(error).startswith(name)
        wrong = wrong_message(message_of(error), name) if own else traceback.format_exc()
    except BaseException:
        wrong = traceback.format_exc()
    if time.perf_counter() - start > TIME:
        wrong = f"took more than {TIME} s"
    if peak_memory() - memory > MEMORY:
        wrong = f"took {(peak_memory() - memory) >> 20} MB"
    return wrong


def message_of(error):
    """Return the text that a command prints; a file's name in it may have any letters, which it escapes."""
    text = (
        f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
    )
    for name in NAMES:
        text = text.replace(name, "NAME")
    return text


def wrong_picture(path):
    face = pictures.read(path)
    if face.dtype != np.uint8 or face.shape != (48, 48):
        return f"returned {face.dtype} {face.shape}"
    return None


def wrong_video(path):
    with video_files.opened(path) as reader:
        for image in itertools.islice(reader, 50):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                return f"returned {image.dtype} {image.shape}"
    return None


def wrong_rows(path):
    rows = formats.read(path, use_cache=False)
    count = len(rows.images)
    if rows.images.dtype != np.uint8 or rows.images.shape != (count, 48, 48) or count == 0:
        return f"returned {rows.images.dtype} {rows.images.shape}"
    for values, largest in ((rows.labels, len(rows.classes) - 1), (rows.usage, 2)):
        if values is not None and (
            values.shape != (count,) or values.dtype != np.uint8 or values.max() > largest
        ):
            return f"returned labels or uses {values.dtype} {values.shape}"
    targets = rows.targets
    if targets is not None and (
        targets.shape != (count, len(rows.classes)) or not (np.abs(targets.sum(axis=1) - 1) < 0.01).all()
    ):
        return f"returned targets {targets.dtype} {targets.shape}"
    return None


def wrong_votes(path):
    usage, votes = ferplus.read(path)
    if usage.max() > 2 or votes.shape != (len(usage), 10) or votes.min() < 0:
        return f"returned {usage.max()} {votes.shape} {votes.min()}"
    shares = ferplus.soft(votes).sum(axis=1)
    if ferplus.majority(votes).max() > 7 or not (np.isclose(shares, 0) | np.isclose(shares, 1)).all():
        return "returned labels that are none"
    return None


def wrong_message(message, name):
    if len(message.splitlines()) != 1 or len(message) > len(name) * 2 + LONGEST or name not in message:
        return f"not one line that names the file: {message!r}"
    return None


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextlib.contextmanager
def time_limit(seconds):
    """Interrupt what takes longer."""

    def stop(*_):
        raise TimeoutError(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(numbers, seed, folder):
    """Yield the failures among the cases, as text."""
    files = tables() | votes() | photographs() | videos()
    for number in numbers:
        case = case_of(files, seed, number)
        with error_stream(folder / "stderr") as written:
            fault = case.fault(folder)
        fault = fault or written() or None
        if fault:
            yield f"{case.text}: {fault}"


@contextlib.contextmanager
def error_stream(path):
    """Catch what C libraries write to the error stream; yields a function that returns it."""
    sys.stderr.flush()
    saved = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: path.read_text(errors="replace")
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fer.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first case: for a run in parts"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this case alone, and keep its file")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.cases)
    if arguments.only is not None:
        numbers = [arguments.only]
    start, failures = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for failure in run(numbers, arguments.seed, Path(folder)):
            failures += 1
            print(failure, flush=True)
    if arguments.only is not None:
        case = case_of(tables() | votes() | photographs() | videos(), arguments.seed, arguments.only)
        print(f"its file: {case.keep()}")
    print(
        f"{len(numbers)} cases, {failures} failures, {time.perf_counter() - start:.0f} s, "
        f"peak memory {peak_memory() >> 20} MB"
    )
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
