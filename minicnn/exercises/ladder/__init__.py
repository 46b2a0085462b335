"""The exercises in their order. A new one is a module here, and a row of this list."""

from minicnn.exercises.exercise import Exercise
from minicnn.exercises.ladder import (
    average_pool,
    batch_norm,
    conv2d,
    dense,
    dropout,
    im2col,
    make_it_fast,
    max_pool,
    optimizers,
    relu,
    residual,
    scalars,
    softmax_cross_entropy,
    train_your_layer,
)

LADDER = {
    module.__name__.rpartition(".")[2]: Exercise(module.__name__.rpartition(".")[2], module, module.RUNGS)
    for module in (
        scalars,
        dense,
        relu,
        softmax_cross_entropy,
        max_pool,
        average_pool,
        conv2d,
        dropout,
        batch_norm,
        residual,
        optimizers,
        train_your_layer,
        im2col,
        make_it_fast,
    )
}


def exercise(name: str) -> Exercise:
    """Return the exercise of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in LADDER:
        raise ValueError(f"exercise {name!r:.60}: expected one of {', '.join(LADDER)}")
    return LADDER[name]
