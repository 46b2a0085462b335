"""What eight threads do at once, and how many of their results differ from those of one thread alone.

    python -m tests.minicnn.models.threads LAYER [TIMES]

LAYER is a threading layer of Numba (omp, workqueue or tbb), TIMES the predictions of each thread. It prints the
number of predictions of each scenario, and ends with status 1 if a bit differs anywhere.
"""

import ctypes
import importlib.metadata
import os
import sys
import threading
import warnings

THREADS = 8
TIMES = 150


def model_of(seed):
    """A small network in which every kind of kernel runs: both convolutions, and both fused pairs."""
    import minicnn
    from minicnn.layers import (
        BatchNormalization,
        Conv2D,
        Dense,
        Dropout,
        GlobalAveragePooling2D,
        Input,
        MaxPooling2D,
        ReLU,
    )

    minicnn.utils.set_random_seed(seed)
    model = minicnn.Sequential(
        [
            Input((16, 16, 1)),
            Conv2D(16, 3, padding="same", activation="relu"),
            MaxPooling2D(),
            Conv2D(32, 3, use_bias=False),
            BatchNormalization(),
            ReLU(),
            Dropout(0.3),
            GlobalAveragePooling2D(),
            Dense(7, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def samples(seed, count=40):
    import numpy as np

    return np.random.default_rng(seed).standard_normal((count, 16, 16, 1)).astype(np.float32)


def at_once(work):
    """Call work(0) … work(THREADS − 1), each in a thread of its own; return the results, or raise an error of one."""
    results, errors = [None] * THREADS, []
    start = threading.Barrier(THREADS)

    def run(number):
        start.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]
    return results


def predictions(shared, times=TIMES):
    """Predict in every thread, with one model or each with its own; return (predictions, how many differ)."""
    models = [model_of(0)] * THREADS if shared else [model_of(seed) for seed in range(THREADS)]
    x = [samples(seed) for seed in range(THREADS)]
    alone = [model.predict(batch).tobytes() for model, batch in zip(models, x)]
    assert len(set(alone)) == THREADS

    def work(number):
        return sum(models[number].predict(x[number]).tobytes() != alone[number] for _ in range(times))

    return THREADS * times, sum(at_once(work))


def training_beside_predictions(epochs=3):
    """Train one model in a thread while the others predict with it; return (predictions, how many results differ).

    A prediction may fall between any two steps, but not into one: it is one of those of a training alone. The
    training ends with the same weights and losses.
    """
    from minicnn.callbacks import LambdaCallback

    x, y = samples(1, 160), samples(2, 160)[:, 0, 0, 0].argsort() % 7
    few = x[:8]

    def train(model, **on):
        return model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[LambdaCallback(**on)])

    model = model_of(3)
    expected = [model.predict(few).tobytes()]
    history = train(
        model, on_train_batch_end=lambda step, logs: expected.append(model.predict(few).tobytes())
    )
    weights = [weight.tobytes() for weight in model.get_weights()]
    assert len(set(expected)) == 10 * epochs + 1

    beside = model_of(3)
    ended = threading.Event()

    def work(number):
        if number == 0:
            try:
                return train(beside)
            finally:
                ended.set()
        found = []
        while not ended.is_set():
            found.append(beside.predict(few).tobytes())
        return found

    history_beside, *found = at_once(work)
    seen = [prediction for each in found for prediction in each]
    assert len(set(seen)) > 2  # they did run beside the training
    wrong = sum(prediction not in expected for prediction in seen)
    wrong += history_beside.history != history.history
    wrong += [weight.tobytes() for weight in beside.get_weights()] != weights
    return len(seen), wrong


def gradient_checks():
    """Check one layer's gradients in every thread; return (checks, how many differ)."""
    from minicnn.gradient_check import check_layer
    from minicnn.layers import Conv2D

    layer = Conv2D(2, 3, activation="relu")
    layer.build((None, 5, 5, 2))
    before, filters = [weight.tobytes() for weight in layer.get_weights()], list(warnings.filters)

    def work(number):
        report = check_layer(layer, (1, 5, 5, 2), entries=5, seed=number)
        return [gradient.numeric.tobytes() for gradient in report.values()], report.passed

    alone = [work(number) for number in range(THREADS)]
    assert all(passed for _, passed in alone)
    wrong = sum(here != there for here, there in zip(at_once(work), alone))
    wrong += [weight.tobytes() for weight in layer.get_weights()] != before
    wrong += list(warnings.filters) != filters
    return THREADS, wrong


SCENARIOS = {
    "a model of its own for each thread": lambda times: predictions(False, times),
    "one model for all": lambda times: predictions(True, times),
    "one trains it, the others predict": lambda _: training_beside_predictions(),
    "gradient checks of one layer": lambda _: gradient_checks(),
}


def library_of_tbb():
    """Return the library that the package tbb installs, which the system does not look for; None without it."""
    try:
        files = importlib.metadata.files("tbb") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((file.locate() for file in files if file.name == "libtbb.so.12"), None)


def main(layer, times=TIMES):
    os.environ["NUMBA_THREADING_LAYER"] = layer
    if layer == "tbb":
        library = library_of_tbb() or sys.exit("the package tbb is not installed")
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    differ = 0
    for name, scenario in SCENARIOS.items():
        total, wrong = scenario(int(times))
        print(f"{total:6} {wrong:6}  {name}", flush=True)
        differ += wrong
    import numba

    print(numba.threading_layer(), numba.get_num_threads())
    sys.exit(bool(differ))


if __name__ == "__main__":
    main(*sys.argv[1:])
