"""Models, under Keras's names: Sequential, Model (a graph of layers), and how they come back from files.

logits.py      the loss of a model that ends in softmax or sigmoid, from what goes into that
step.py        one batch: forward, loss, backward, update. Put a breakpoint in TrainingStep.train_step
trainer.py     many batches: fit; evaluation.py: evaluate, predict
running.py     what belongs to one fit, when one is inside another
saved.py       what is saved of a model, and how that comes back; loading.py: load_model, …
model.py       Model and its class Functional; sequential.py: Sequential
data.py        arrays in batches; datasets.py: generators and datasets, which give batches
compiled_metrics.py  the running means that fit reports; progress.py: the bar and the lines that show them
summary.py plot.py   a model as a table, and as a picture
whole_step.py  a step is whole or not at all: what forward changed is put back
checks.py own_layers.py    what fit is given, and layers of one's own: mistakes are named
saliency.py first_nan.py   the pixels that a prediction depends on; the first NaN
"""

from minicnn._base import keras_errors
from minicnn.models.loading import clone_model, load_model, model_from_json, save_model
from minicnn.models.model import Functional, Model
from minicnn.models.sequential import Sequential

keras_errors.add_getattr(__name__)
__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
