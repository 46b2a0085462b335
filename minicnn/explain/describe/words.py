"""What happens in each kind of node, in a sentence and an equation, forward and backward: those of docs/backprop.

The equations are the pages', for one image: without the index n of the sample, and so without sums over it. Indices
follow a "_"; windows lie on xp, the input with its padding.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from minicnn.explain.describe.words_between import BETWEEN


class Words(NamedTuple):
    """What a kind of node does.

    Attributes:
        title: what it is called.
        forward: a sentence.
        equation: of the forward pass; several are separated by "; ".
        backward: a sentence; empty for optimizers, which have no backward pass.
        gradient: the equation of the backward pass.
        page: of docs/backprop, with the place on it.
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


_MAX = "y[i,j,c] = max_a,b xp[i·s + a, j·s + b, c]"
_WINNER = "dxp[i·s + a, j·s + b, c] += dy[i,j,c] for the winner (a, b) alone"
_MEAN = "y[i,j,c] = 1/|W| · Σ_a,b xp[i·s + a, j·s + b, c]"
_ENTRYWISE, _SLOPE = "y = f(x)", "dx = dy · f'(x)"

WORDS = {
    "Input": Words(
        "Input",
        "The numbers as the net gets them: a gray value for each pixel and channel.",
        _ENTRYWISE,
        "By how much the loss grows when a pixel gets brighter: the sum over all that the pixel went into.",
        "dx_i = Σ_j dy_j · ∂y_j/∂x_i",
        "index.md#the-chain-rule",
    ),
    "Conv2D": Words(
        "Convolution",
        "A kernel slides over the map; at each position it is multiplied with the window that it sees, through all "
        "channels, and the products are added up.",
        "y[i,j,k] = b[k] + Σ_a Σ_b Σ_c xp[i·s + a·d, j·s + b·d, c] · K[a,b,c,k]",
        "Each dy puts down a copy of its kernel, scaled by itself, on the window that it came from; where copies "
        "overlap they add. A kernel entry gets x · dy from every position.",
        "dxp[i·s + a·d, j·s + b·d, c] += Σ_k dy[i,j,k] · K[a,b,c,k]; "
        "dK[a,b,c,k] = Σ_i Σ_j xp[i·s + a·d, j·s + b·d, c] · dy[i,j,k]",
        "convolution.md",
    ),
    "DepthwiseConv2D": Words(
        "Depthwise convolution",
        "Each channel is convolved with kernels of its own; there is no sum over channels.",
        "y[i,j,c·M + m] = b[c·M + m] + Σ_a Σ_b xp[i·s + a·d, j·s + b·d, c] · K[a,b,c,m]",
        "A pixel went into the outputs of its own channel alone, so the only sum that remains is over its M kernels.",
        "dxp[i·s + a·d, j·s + b·d, c] += Σ_m dy[i,j,c,m] · K[a,b,c,m]; "
        "dK[a,b,c,m] = Σ_i Σ_j xp[i·s + a·d, j·s + b·d, c] · dy[i,j,c,m]",
        "depthwise_and_separable.md",
    ),
    "Dense": Words(
        "Dense",
        "Every output sees every input, each through a weight of its own.",
        "y[u] = b[u] + Σ_d x[d] · W[d,u]",
        "The slope of a product is its other factor: x gets dy times the weights, a weight gets its input times dy.",
        "dx[d] = Σ_u dy[u] · W[d,u]; dW[d,u] = x[d] · dy[u]; db[u] = dy[u]",
        "dense.md",
    ),
    "ReLU": Words(
        "ReLU",
        "What is positive passes; the rest becomes 0, or, in a leaky one, small.",
        "f = max(x, 0)",
        "A gate: dy passes where forward was positive. At 0 it is shut, by convention.",
        _SLOPE,
        "activations.md",
    ),
    "Activation": Words(
        "Activation",
        "One function of one number, applied to every entry.",
        _ENTRYWISE,
        "An entry of y depends on one entry of x only, so the gradient is multiplied by the slope there.",
        _SLOPE,
        "activations.md",
    ),
    "MaxPooling2D": Words(
        "Max-pooling",
        "Of each window the largest entry stays, in each channel by itself.",
        _MAX,
        "The winner gets the whole gradient, the others nothing; of equals the first in reading order wins.",
        _WINNER,
        "pooling.md",
    ),
    "AveragePooling2D": Words(
        "Average pooling",
        "Of each window the mean stays, in each channel by itself; W is its entries inside the map.",
        _MEAN,
        "Each entry of the window gets an equal share; overlapping windows add.",
        "dxp[i·s + a, j·s + b, c] += dy[i,j,c]/|W| for all (a, b) in W",
        "pooling.md",
    ),
    "GlobalAveragePooling2D": Words(
        "Global average pooling",
        "One window over the whole map: each channel becomes its mean.",
        _MEAN,
        "Every pixel of a map gets the same share of its gradient.",
        "dx[h,w,c] = dy[c]/(HW)",
        "pooling.md",
    ),
    "GlobalMaxPooling2D": Words(
        "Global max-pooling",
        "One window over the whole map: each channel becomes its largest entry.",
        _MAX,
        "The winner of each map gets the whole gradient.",
        _WINNER,
        "pooling.md",
    ),
    "BatchNormalization": Words(
        "Batch normalization",
        "Each channel gets mean 0 and variance 1 over all m of its entries, then a learned scale γ and offset β.",
        "r = 1/√(v + ε); x̂_i = (x_i − μ)·r; y_i = γ·x̂_i + β",
        "An entry reaches y on three paths: directly, through the mean, through the variance. What is left is the part "
        "of dy that no shift and no stretch of the channel explains. (With moving statistics the direct path is all.)",
        "dx_i = γ·r·(dy_i − dβ/m − x̂_i·dγ/m); dβ = Σ_i dy_i; dγ = Σ_i dy_i·x̂_i",
        "batch_normalization.md",
    ),
    "Rescaling": Words(
        "Rescaling",
        "Each number is multiplied and shifted by fixed numbers.",
        "y = x · scale + offset",
        "The slope is the scale.",
        "dx = dy · scale",
        "batch_normalization.md#in-the-code",
    ),
    "Normalization": Words(
        "Normalization",
        "Less the mean, divided by the deviation: those of the training data, fixed numbers.",
        "y = x · scale + offset",
        "The slope is the scale, one over the deviation.",
        "dx = dy · scale",
        "batch_normalization.md#in-the-code",
    ),
    "Dropout": Words(
        "Dropout",
        "Random entries are silenced, the others made louder, so that the mean stays.",
        "y_i = m_i·x_i/(1 − q)",
        "The same mask and the same scale: an entry that was silenced gets no gradient.",
        "dx_i = m_i·dy_i/(1 − q)",
        "dropout.md",
    ),
    "Softmax": Words(
        "Softmax",
        "A row of scores becomes positive numbers that add up to 1.",
        "p_k = e^z_k / Σ_j e^z_j",
        "Each score is in every probability: raising one lowers the others. With cross-entropy behind it all of this "
        "becomes p − t.",
        "dz_j = Σ_k dp_k·p_k·(δ_kj − p_j) = p_j·(dp_j − Σ_k dp_k·p_k)",
        "softmax_cross_entropy.md",
    ),
    "Opaque": Words(
        "Layer",
        "This page has no arithmetic for this layer; its values are the library's, recorded.",
        "y, cache = …_forward(x, parameters)",
        "The gradients that it hands back are the library's too, recorded.",
        "dx, dparameters = …_backward(dy, cache)",
        "index.md#what-a-backward-function-is",
    ),
} | {kind: Words(*text) for kind, text in BETWEEN.items()}


def words(kinds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the words for these kinds of nodes, losses and optimizers."""
    return {kind: WORDS[kind].to_dict() for kind in dict.fromkeys(kinds)}
