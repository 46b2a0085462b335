"""Many batches: fit, the loops around the step of step.py. evaluate and predict are in evaluation.py.

    fit         for each epoch: for each batch, in a new random order: train_step; then evaluate (validation)

The order of the samples is drawn in :meth:`Trainer._run_epoch`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from minicnn import ops, random
from minicnn._base import keras_errors
from minicnn.callbacks import CallbackList, History
from minicnn.distributed import DataParallel
from minicnn.distributed import get as distribution_of
from minicnn.models import checks, data, datasets, first_nan, progress
from minicnn.models.evaluation import Callbacks, Evaluation, one_or_list
from minicnn.models.running import TrainingPosition, own_training
from minicnn.models.sharded_files import as_rows


class Trainer(Evaluation):
    """A model that can be trained on many batches.

    Attributes:
        generator: shuffles the samples.
        history: the results of the last :meth:`fit`, after its first epoch.
        training_position, training_batches: of the training that runs, or of the last one; None before the
            first.
        metadata: values for JSON that are saved with the model, such as {"classes": ["cat", "dog"]}; the library
            does not use them.
    """

    generator: np.random.Generator
    history: History
    training_position: TrainingPosition = None  # type: ignore[assignment]
    training_batches: Any = None
    metadata: Mapping[str, Any] = MappingProxyType({})

    @keras_errors.keras_arguments
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        distributed: DataParallel | str | None = None,
    ) -> History:
        """Train and return a History, as `keras.Model.fit`.

        A step in which a number is not finite is not taken: see :meth:`train_step`. It is counted in
        ``History.skipped_steps``, and the first one is warned of. evaluate, predict and fit may be called in
        callbacks: they change no result of this training. A fit there does change the weights, of course.

        Args:
            x, y: samples (N, …) and targets, of any numeric dtype; or x is a generator or a
                ``utils.PyDataset``, which gives batches (x, y) or (x, y, sample_weight). For a model with several
                inputs or outputs x or y is a list of arrays, or {name of the input or output: array}.
            batch_size: samples in a batch, 32 by default.
            epochs: the number of the last epoch; training begins at ``initial_epoch``.
            verbose: 0 nothing, 1 a bar, 2 a line for each epoch; "auto" is 1 on a terminal and 2 elsewhere.
            callbacks: a list of callbacks.
            validation_split: the share of the samples, at the end of x, that is used for validation.
            validation_data: (x, y) or (x, y, sample_weight), a generator or a dataset.
            shuffle: draw a new order for each epoch: of samples, or of a dataset's batches.
            class_weight: {class number: weight} in the loss; sample_weight: (N,), one for each sample; for several
                outputs also a list of them, or a dictionary.
            steps_per_epoch: batches in an epoch; by default all. A generator needs it. The next epoch
                continues where this one stopped; arrays and datasets start again at their end. A generator
                that ends too soon ends the training, with a warning.
            validation_steps: batches of validation_data; by default all. A generator needs it.
            validation_freq: validate after every so many epochs; or a list of their numbers, from 1.
            distributed: "mpi": the processes that mpiexec has started train together, each with a part of every
                batch; they call fit with the same arguments. Or a minicnn.distributed.DataParallel. None: this
                process alone.

        Raises:
            ValueError: the model is not compiled, the data do not fit it or each other, or an argument is out
                of its range.
            ImportError: distributed="mpi" without mpi4py.
            TypeError: targets or class weights are not numbers.
        """
        self.check_compiled()
        checks.check_epochs(epochs, initial_epoch)
        validate = checks.validated_epochs(validation_freq)
        if validation_split:
            if datasets.is_stream(x):
                raise ValueError(
                    f"validation_split needs arrays, not {type(x).__name__}: give validation_data"
                )
            x, y, sample_weight = self.arranged(x, y, sample_weight)
            x = x if isinstance(x, data.Parts) else as_rows(x)
            (x, y, sample_weight), end = data.split(validation_split, x, y, sample_weight)
            validation_data = validation_data or end
        source = self._source(x, y, sample_weight, class_weight, batch_size, steps_per_epoch)
        self._check_classes(class_weight)
        share = distribution_of(distributed)
        if share is not None:
            share.check(self)
            for ends, number in (
                ("outputs", len(self.output_names)),
                ("inputs", len(vars(self).get("inputs", []))),
            ):
                if number > 1:
                    raise NotImplementedError(
                        f"{self.name} has {number} {ends}, and distributed=… shares one among processes: train "
                        "without distributed"
                    )
            if isinstance(source, data.Batches):
                source.rows = share.rows
        source = datasets.in_steps(source, steps_per_epoch, "steps_per_epoch")
        validation: Any = None
        if validation_data is not None:
            parts = validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
            x, y, sample_weight = (*parts, None, None)[:3]
            batch_size = validation_batch_size or batch_size
            validation = self._source(x, y, sample_weight, batch_size=batch_size, steps=validation_steps)
            datasets.in_steps(validation, validation_steps, "validation_steps")
        if share is not None and isinstance(validation, data.Batches):
            validation.rows = share.rows
        verbose = progress.resolve(verbose) if share is None or share.rank == 0 else 0
        callback_list = CallbackList(
            [callbacks, progress.callbacks(verbose)],
            model=self,
            params={"epochs": epochs, "steps": source.steps, "verbose": verbose},
        )
        with own_training(self):
            self.training_batches = source
            self.training_position, self.callback_list = TrainingPosition(initial_epoch), callback_list
            self.distribution = share
            try:
                self._run_epochs(epochs, source, shuffle, validation, validation_steps, validate)
            finally:
                self.distribution = None
            self.forget()  # predictions need not compare weights that nobody holds: see Parameter.version
        return callback_list.history

    def _run_epochs(
        self,
        epochs: int,
        source: Any,
        shuffle: bool,
        validation: Any,
        validation_steps: int | None,
        validate: Callable[[int], bool],
    ) -> None:
        callback_list = self.callback_list
        callback_list.on_train_begin()  # which may change the position: see callbacks.BackupAndRestore
        if self.distribution is not None:
            self.distribution.begin(self)
        logs: dict[str, float] = {}
        for epoch in range(self.training_position.epoch, epochs):
            if self.stop_training:
                break
            callback_list.on_epoch_begin(epoch)
            epoch_logs = self._run_epoch(source, callback_list, shuffle)
            if not self.training_position.step:
                break  # a generator had no batch left
            logs = epoch_logs
            if validation is not None and validate(epoch + 1):
                results = self._evaluate(validation, validation_steps, callback_list, self.validation_step)
                logs |= {f"val_{name}": value for name, value in results.items()}
            self.training_position = TrainingPosition(epoch + 1)
            callback_list.on_epoch_end(epoch, logs)
        # with use_ema, the averages become the weights
        self.optimizer.finalize_variable_values(self.trainable_weights)
        callback_list.on_train_end(logs)
        self.callback_list = None

    def _run_epoch(self, source: Any, callback_list: CallbackList, shuffle: bool) -> dict[str, Any]:
        position = self.training_position
        position.generator = random.state(self.generator)
        position.order = source.order(self.generator) if shuffle else None
        if not position.step:
            self.skipped_steps = 0
        with self.check_compiled().used() as results:
            if position.sums is not None:  # a part of the epoch was done before the training was resumed
                results.set_state(position.sums)
            position.results, position.sums = results, None
            for step, (x, y, weight) in enumerate(self._checked_batches(source, position), position.step):
                callback_list.on_train_batch_begin(step)
                skipped = self.skipped_steps
                with ops.turn():  # here too: train_step may be a user's own
                    value, prediction = self.train_step(x, y, weight)
                logs = results.update(value, y, prediction, weight)
                position.step = step + 1
                callback_list.on_train_batch_end(step, logs)
                if self.skipped_steps > skipped:
                    where = f"epoch {position.epoch + 1}, batch {step + 1}"
                    first_nan.warn(self, where, x, y, weight, stacklevel=6)
                if self.stop_training:
                    break
            else:
                if position.step < source.steps:
                    warnings.warn(
                        f"the data ended after {position.step} of an epoch's {source.steps} batches: "
                        "training ends here. A generator has to give steps_per_epoch * epochs batches",
                        stacklevel=5,
                    )
                    self.stop_training = True
            position.sums = results.get_state()
            return results.logs()

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch; return loss and metrics, a list, or a number if there are no
        metrics, or with ``return_dict`` a dictionary.
        """
        x, y, sample_weight = self.arranged(x, y, sample_weight)
        self._build_for(x)
        self._check_classes(class_weight)
        ((x, y, weight),) = data.Batches(x, y, sample_weight, class_weight, len(x), self.dtype).iterate()
        with self.check_compiled().used() as results:
            skipped = self.skipped_steps
            with ops.turn():
                value, prediction = self.train_step(x, y, weight)
            if self.skipped_steps > skipped and np.isfinite(value):  # the loss does not show it
                first_nan.warn(self, "train_on_batch", x, y, weight, stacklevel=3)
            logs = results.update(value, y, prediction, weight)
        return logs if return_dict else one_or_list(logs)

    def _check_classes(self, class_weight: Any) -> None:
        if class_weight is not None and len(self.output_names) == 1:
            width = self.compute_output_shape(self.input_shape)[-1]
            checks.check_class_weight(class_weight, classes=width if width > 1 else None)
