"""What a kind of node does, in words and equations."""

from typing import Any, NamedTuple


class Words(NamedTuple):
    """What a kind of node does.

    Attributes:
        title: what it is called.
        forward: a sentence.
        equation: of the forward pass; several are separated by "; ".
        backward: a sentence; empty for optimizers, which have no backward pass.
        gradient: the equation of the backward pass.
        page: of docs/backprop, with the section on it.
    """

    title: str
    forward: str
    equation: str
    backward: str
    gradient: str
    page: str

    def to_dict(self) -> dict[str, Any]:
        """Return the words as JSON-able values."""
        return {
            "title": self.title,
            "forward": {"sentence": self.forward, "equation": self.equation},
            "backward": {"sentence": self.backward, "equation": self.gradient} if self.backward else None,
            "page": self.page,
        }
