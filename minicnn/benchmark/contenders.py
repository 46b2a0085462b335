"""What is timed for each contender: a function that does one step of a task, on data in memory.

A task is {"kind": "train" | "predict", "net": name, "batch": N}, or {"kind": "convolution", "side",
"channels", "filters", "pass": "forward" | "backward", "batch"}. Training is the whole step: forward, loss,
backward, Adam.
"""

import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.benchmark import nets

Task = dict[str, Any]
Step = Callable[[], Any]


def faces(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random images (N, 48, 48, 1) float32 and labels (N,)."""
    draw = np.random.default_rng(0)
    images = draw.random((batch, nets.SIDE, nets.SIDE, 1), dtype=np.float32)
    return images, draw.integers(nets.CLASSES, size=batch)


def maps(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return input (N, S, S, C), kernel (3, 3, C, K) and upstream gradient (N, S, S, K) of a convolution."""
    draw = np.random.default_rng(0)
    batch, side, channels, filters = (task[name] for name in ("batch", "side", "channels", "filters"))
    x = draw.standard_normal((batch, side, side, channels), dtype=np.float32)
    kernel = draw.standard_normal((3, 3, channels, filters), dtype=np.float32)
    return x, kernel, draw.standard_normal((batch, side, side, filters), dtype=np.float32)


def minicnn(threads: int) -> Callable[[Task], Step]:
    """Return the steps of this library, on the kernels."""
    import numba

    import minicnn
    from minicnn import ops
    from minicnn.ops.kernels.parallel import start_threads

    start_threads()
    numba.set_num_threads(threads)

    def make(task: Task) -> Step:
        if task["kind"] == "convolution":
            x, kernel, dy = maps(task)
            _, cache = ops.conv2d_forward(x, kernel, padding="same")
            if task["pass"] == "forward":
                return lambda: ops.conv2d_forward(x, kernel, padding="same")
            return lambda: ops.conv2d_backward(dy, cache, need_dx=task["channels"] > 1)
        model = nets.in_keras_words(minicnn, task["net"])
        x, y = faces(task["batch"])
        if task["kind"] == "predict":
            return lambda: model.predict(x, batch_size=len(x))
        model.compile("adam", minicnn.losses.SparseCategoricalCrossentropy(from_logits=True))
        return lambda: model.train_step(x, y)

    return make


def keras(threads: int) -> Callable[[Task], Step]:
    """Return the steps of Keras, on its PyTorch backend."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    import torch

    torch.set_num_threads(threads)

    def make(task: Task) -> Step:
        if task["kind"] == "convolution":
            raise NotImplementedError("Keras's convolutions are those of its backend: measure torch")
        model = nets.in_keras_words(keras, task["net"])
        x, y = faces(task["batch"])
        if task["kind"] == "predict":
            return lambda: model.predict_on_batch(x)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return lambda: model.train_on_batch(x, y)

    return make


def torch(threads: int, channels_last: bool = False, compiled: bool = False) -> Callable[[Task], Step]:
    """Return the steps of PyTorch in one of its memory formats."""
    import torch

    torch.set_num_threads(threads)
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def tensor(array: np.ndarray) -> Any:
        return torch.from_numpy(array.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)

    def make(task: Task) -> Step:
        if task["kind"] == "convolution":
            x, kernel, dy = maps(task)
            weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=layout)
            a, d = tensor(x), tensor(dy)
            if task["pass"] == "forward":
                return lambda: torch.nn.functional.conv2d(a, weight, padding=1)
            backward, wanted = torch.ops.aten.convolution_backward, [task["channels"] > 1, True, False]
            return lambda: backward(d, a, weight, [0], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)
        model = nets.in_torch_words(torch, task["net"]).to(memory_format=layout)
        images, labels = faces(task["batch"])
        x, y = tensor(images), torch.from_numpy(labels)
        run = torch.compile(model) if compiled else model
        if task["kind"] == "predict":
            model.eval()

            def predict() -> Any:
                with torch.inference_mode():
                    return run(x)

            return predict
        optimizer, loss = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()

        def train() -> None:
            optimizer.zero_grad()
            loss(run(x), y).backward()
            optimizer.step()

        return train

    return make


def _onnx_file(net: str, folder: str) -> str:
    """Write the net with minicnn's weights as ONNX; return the path."""
    import minicnn

    path = os.path.join(folder, f"{net}.onnx")
    minicnn.saving.export_onnx(nets.in_keras_words(minicnn, net), path)
    return path


def onnxruntime(threads: int) -> Callable[[Task], Step]:
    """Return the predictions of onnxruntime, for the file that minicnn exports."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1

    def make(task: Task) -> Step:
        with tempfile.TemporaryDirectory() as folder:
            path = _onnx_file(task["net"], folder)
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        x, _ = faces(task["batch"])
        return lambda: session.run(None, {"input": x})[0]

    return make


def openvino(threads: int) -> Callable[[Task], Step]:
    """Return the predictions of OpenVINO, in float32, for the file that minicnn exports."""
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }

    def make(task: Task) -> Step:
        x, _ = faces(task["batch"])
        with tempfile.TemporaryDirectory() as folder:
            network = core.read_model(_onnx_file(task["net"], folder))
            network.reshape(x.shape)
            request = core.compile_model(network, "CPU", settings).create_infer_request()
        return lambda: request.infer({0: x})[0]

    return make


CONTENDERS: dict[str, Callable[[int], Callable[[Task], Step]]] = {
    "minicnn": minicnn,
    "keras": keras,
    "torch": torch,
    "torch channels_last": lambda threads: torch(threads, channels_last=True),
    "torch compiled": lambda threads: torch(threads, channels_last=True, compiled=True),
    "onnxruntime": onnxruntime,
    "openvino": openvino,
}
# what --against NAME starts
MODES = {
    "torch": ("torch", "torch channels_last"),
    "keras": ("keras",),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
}
ONLY_PREDICT = ("onnxruntime", "openvino")
