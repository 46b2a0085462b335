"""Commands as somebody types them who knows nothing of them: one clear line, status 2, no traceback.

Each row is a command line and a part of its answer; {d} is a folder with a run, data, a picture and files of other
kinds. Where the answer is "", the command does its work.
"""

import pytest
from PIL import Image

from fer import __main__
from fer.networks import architectures
from tests.fer.kill import NO_PICTURES
from tests.fer.readers import convolving_reader, face, write_data, write_run
from tests.fer.resume.runs_of_seconds import micro

BIG = 10**30
TRAIN = "train --data faces.npz --arch micro --epochs 1"
ROWS = """
train --data                          | argument --data: expected one argument
train --data ''                       | argument --data: it is empty
train --data nowhere.csv              | nowhere.csv does not exist. FER2013 is available at
train --data clip.mp4                 | clip.mp4 is a video; take pictures from it
train --data face.png                 | face.png is a PNG picture; expected a CSV
train --data empty.csv                | empty.csv
train --data pictures                 | holds none of fer2013.csv
train --data one.npz                  | one.npz has no PublicTest rows to choose the best epoch by
train --data blank.npz --drop-faulty  | blank.npz: 7 black and 0 non-face rows of Training left out, and none is left
train --data {long}                   | File name too long
{train} --epochs 0                    | epochs=0: expected 1 or more
{train} --epochs -1                   | epochs=-1: expected 1 or more
{train} --epochs x                    | argument --epochs: invalid int value: 'x'
{train} --epochs 1.5                  | argument --epochs: invalid int value: '1.5'
{train} --batch-size 0                | batch_size=0: expected 1 or more
{train} --batch-size {big}            | expected a number of at most
{train} --learning-rate 0             | learning_rate=0.0: expected a positive number
{train} --learning-rate nan           | learning_rate=nan: expected a positive number
{train} --learning-rate inf           | learning_rate=inf: expected a positive number
{train} --learning-rate 1e308         | try a learning rate below 1e+308
{train} --learning-rate 1e-320        |
{train} --weight-decay -1             | weight_decay=-1.0: expected 0 or a small number
{train} --weight-decay inf            | weight_decay=inf: expected 0 or a small number
{train} --label-smoothing 1           | label_smoothing=1.0: expected a share below 1
{train} --ema 1                       | ema=1.0: expected 0, or a number a little below 1
{train} --ema 0.9999999999999999      |
{train} --self-distillation 1.5       | self_distillation=1.5: expected a share, from 0 to 1
{train} --dropout 2.1                 | dropout=2.1: expected a factor for the network's own rates, from 0 to 2
{train} --dropout nan                 | dropout=nan: expected a factor
{train} --dropout 2                   |
{train} --early-stopping -1           | early_stopping=-1: expected 0 or more
{train} --early-stopping {big}        | expected a number of at most
{train} --seed -1                     | seed=-1: expected 0 or more
{train} --seed {big}                  | expected a number of at most
{train} --class-weight all            | argument --class-weight: invalid choice: 'all'
{train} --out faces.npz               | faces.npz is a file; expected a folder
{train} --out faces.npz/runs          | faces.npz/runs: Not a directory
{train} --time-budget 1e5h            | argument --time-budget: '1e5h': expected a time such as 90s
{train} --time-budget -1h             | argument --time-budget: expected one argument
{train} --dropout 2 --arch simple     | dropout=2.0 is too large for simple: rate=1.0: expected a probability
{train} --config run/config.json --recipe vgg | expected at most one of them
{train} --config clip.mp4             | clip.mp4 is not JSON
{train} --config nowhere.json         | nowhere.json is no file: expected a run's configuration
{train} --no-such                     | unrecognized arguments: --no-such
{train} extra                         | unrecognized arguments: extra
train --resume nowhere                | nowhere is not a folder: expected a run's
train --resume pictures               | pictures holds no config.json: no run was started there
train --resume face.png               | face.png is not a folder: expected a run's
train --resume run --check            | leave out --check
evaluate nowhere                      | nowhere does not exist: expected a run's folder
evaluate clip.mp4                     | clip.mp4
evaluate pictures                     | pictures holds no model_best.npz; expected a run's folder
evaluate run --data nowhere           | nowhere does not exist
evaluate run --data clip.mp4          | clip.mp4 is a video
evaluate run --split half             | argument --split: invalid choice: 'half'
evaluate run --out face.png           | face.png is a file; expected a folder
evaluate run --out ''                 | argument --out: it is empty
evaluate run --tta twice              | argument --tta: invalid choice: 'twice'
evaluate tiny                         | no path given and FER2013_DATA is not set
predict                               | nothing to predict: give pictures, folders or a CSV, or --sample 9
predict ''                            | it is empty
predict nowhere.jpg                   | nowhere.jpg does not exist
predict run                           | nothing to predict with run
predict clip.mp4                      | clip.mp4
predict empty.csv                     | empty.csv
predict run empty.png                 | empty.png is empty; expected a picture
predict run face.png --sample 0       | --sample 0: expected 1 or more
predict run face.png --sample -9      | --sample -9: expected 1 or more
predict run --sample x                | argument --sample: invalid int value: 'x'
predict run --sample {big} --seed {big} |
predict run face.png --figures -1     | --figures -1: expected 0 or more
predict run face.png --figures {big}  |
predict run face.png --json face.png  | face.png exists already and is not overwritten
predict run face.png --json pictures  | pictures exists already and is not overwritten
predict run face.png --csv no/t.csv   | no/t.csv: there is no folder no; create it first
predict run face.png --csv a --json a | expected two files
predict run face.png --csv - --json - | expected at most one of them on the terminal
predict run face.png --out face.png   | face.png is a file; expected a folder
predict run --data clip.mp4 --sample 1 | clip.mp4 is a video
explore --data clip.mp4               | clip.mp4 is a video
explore --data faces.npz --out face.png | face.png is a file; expected a folder
explore extra                         | unrecognized arguments: extra
dataset                               | no path given and FER2013_DATA is not set
dataset pictures                      | holds none of fer2013.csv
dataset --time clip.mp4               | clip.mp4 is a video
export run                            | the following arguments are required: FILE
export run model.txt                  | model.txt: expected a name that ends in .npz or .onnx
export run face.png                   | face.png: expected a name that ends in .npz or .onnx
export run faces.npz                  | faces.npz exists already and is not overwritten
export run no/model.npz               | no/model.npz: there is no folder no; make it first
export run {long}.npz                 | File name too long
export clip.mp4 model.npz             | clip.mp4
export run --model middle a.npz       | argument --model: invalid choice: 'middle'
explain run --image clip.mp4          | clip.mp4: no image that Pillow can read
explain run --image nowhere.png       | nowhere.png: No such file or directory
explain run --image face.png --label ² | --label ²: expected one of Angry
explain run --image face.png --label 7 | --label 7: expected one of Angry
explain run --image face.png --label -1 | --label -1: expected one of Angry
explain run --image face.png --seed -1 | --seed -1: expected a number from 0
explain run --image face.png --out face.png | face.png exists, and nothing is overwritten
explain run --image face.png --out no/a.html | no/a.html: there is no folder no; make it first
explain run --image face.png --layers x:y | no layer 'x' here
explain run --sample 1 --image face.png | argument --image: not allowed with argument --sample
explain run --sample -1               | --sample -1: expected a number from 0
"""


def rows():
    """Yield (arguments, part of the answer)."""
    for line in ROWS.strip().splitlines():
        command, answer = line.split("|")
        words = command.format(train=TRAIN, big=BIG, long="x" * 300, d="{d}").split()
        yield [word.replace("''", "") for word in words], answer.strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    seven = [(face(k, gray=250), k) for k in range(7)]
    write_data(folder / "faces.npz", train=seven, validation=seven, test=seven)
    blank = [(0 * image, k) for image, k in seven]
    write_data(folder / "blank.npz", train=blank, validation=seven)
    write_data(folder / "one.npz", train=seven[:1])
    write_run(folder / "run", convolving_reader(), data=folder / "faces.npz")
    Image.fromarray(face(3)).save(folder / "face.png")
    (folder / "clip.mp4").write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(500))
    for name in ("empty.png", "empty.csv"):
        (folder / name).write_bytes(b"")
    (folder / "pictures").mkdir()
    return folder


@pytest.fixture(autouse=True)
def quick(place, monkeypatch, no_default_data):
    monkeypatch.chdir(place)
    monkeypatch.setitem(architectures.ARCHITECTURES, "micro", micro)
    for (module, name), stub in NO_PICTURES.items():
        monkeypatch.setattr(module, name, stub)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    list(rows()),
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_command_line(arguments, answer, place, capsys):
    before = {path: path.stat().st_mtime_ns for path in place.iterdir() if path.is_file()}
    try:
        __main__.main(arguments)
        status = 0
    except SystemExit as stopped:
        status = stopped.code
    error = capsys.readouterr().err
    if answer:
        lines = [line for line in error.splitlines() if "it/s" not in line and "\r" not in line]
        assert status == 2, error
        assert lines, error
        assert lines[-1].startswith(f"fer.{arguments[0]}: ")
        assert answer in lines[-1]
        assert len(lines) == 1, error
        assert len(lines[-1]) < 700
    else:
        assert status == 0, error
    assert {path: path.stat().st_mtime_ns for path in place.iterdir() if path in before} == before
