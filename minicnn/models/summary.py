"""`model.summary()`: a line for each layer, and the number of weights."""

from collections import Counter
from typing import Any

from minicnn._base import notebook
from minicnn.layers.symbol import Symbol


def text(model: Any, expand_nested: bool = False, show_trainable: bool = False) -> str:
    """Return the table of a built model's layers: name, type, output shape, number of weights; and totals.

    A graph that splits or joins has one more column: the inputs of each layer.

    Args:
        model: a Sequential or a Model.
        expand_nested: list the layers of models inside the model too.
        show_trainable: a column that tells whether a layer is trained.
    """
    rows = _rows(model, expand_nested, show_trainable)
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(f"{cell:>{width}}" if number == 2 else f"{cell:<{width}}" for number, (cell, width) in each)
        for each in (enumerate(zip(row, widths)) for row in rows)
    ]
    rule = "─" * len(lines[0])
    return "\n".join(
        [
            f'Model: "{model.name}"',
            *(rule, lines[0].rstrip(), rule),
            *(line.rstrip() for line in lines[1:]),
            rule,
            *_totals(model),
        ]
    )


def html(model: Any) -> str:
    """Return the same table for a notebook."""
    head, *rows = _rows(model)
    return notebook.table(head, rows, f'Model: "{model.name}"', _totals(model))


def _rows(model: Any, expand_nested: bool = False, show_trainable: bool = False) -> list[list[str]]:
    """Return the head of the table and its rows."""
    connected = not _is_a_chain(model.symbols)
    rows = [["Layer (type)", "Output shape", "Param #"]]
    rows[0] += ["Connected to"] * connected + ["Trainable"] * show_trainable

    def add(symbols: list[Symbol], shown: list[Any], before: str) -> None:
        for symbol in symbols:
            layer = symbol.layer
            if layer not in shown or _call(symbol, symbols):
                continue
            row = [
                f"{before}{layer.name} ({type(layer).__name__})",
                str(symbol.shape),
                f"{layer.count_params():,}",
            ]
            if connected:
                sources = [each for one in symbols if one.layer is layer for each in one.inputs]
                row.append(", ".join(f"{each.name}[{_call(each, symbols)}][0]" for each in sources) or "-")
            if show_trainable:
                row.append(("Y" if layer.trainable else "N") if layer.weights else "-")
            rows.append(row)
            if expand_nested and hasattr(layer, "symbols"):
                add(layer.symbols, layer.layers, before + "  └ ")

    add(model.symbols, model.layers, "")
    return rows


def _call(symbol: Symbol, symbols: list[Symbol]) -> int:
    """Return which call of its layer a symbol is, from 0."""
    return [each for each in symbols if each.layer is symbol.layer].index(symbol)


def _totals(model: Any) -> list[str]:
    total, trained = model.count_params(), sum(weight.value.size for weight in model.trainable_weights)
    return [
        f"Total params: {total:,}",
        f"Trainable params: {trained:,}",
        f"Non-trainable params: {total - trained:,}",
    ]


def _is_a_chain(symbols: list[Symbol]) -> bool:
    """Whether each value goes into one layer and each layer takes one."""
    uses = Counter(source for symbol in symbols for source in symbol.inputs)
    return all(len(symbol.inputs) <= 1 and uses[symbol] <= 1 for symbol in symbols)
