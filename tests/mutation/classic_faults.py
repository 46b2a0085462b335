"""What goes wrong in hand-written backward passes: fault -> file below minicnn -> [(function, old text, new
text)].

Found in well-known teaching code bases, by running them or in their issues. Where the reference and the
kernels can both have a fault, both get it, one after the other.
"""

Edit = tuple[str, str, str]

MAX = "ops/reference/pooling", "max_pool2d_forward", "max_pool2d_backward"
CONV, BACK = "ops/reference/convolution", "conv2d_backward"
ADD = "dx_padded[index] += dy @ kernel[a, b].T"
WINNER = "dx_padded[index] += np.where(winner == entry, dy, 0)"
KEPT = "return y, (winner, xp.shape, windows)"
SUM = "dy.sum(axis=(0, 1, 2))"

POOLING: dict[str, dict[str, list[Edit]]] = {
    "max-pool: the padded gradient is indexed like the unpadded map": {
        "ops/reference/windows": [("Windows.crop", "top : top + height, left : left + width", ":height, :width")],
        "ops/kernels/pooling": [("_max_row_backward", "r + rows[2] - i * rows[1]", "r - i * rows[1]")],
    },
    "max-pool: of equal maxima the last wins": {
        MAX[0]: [(MAX[1], "entries.real.argmax(axis=0)", "len(entries) - 1 - entries.real[::-1].argmax(axis=0)")],
        "ops/kernels/pooling_2x2": [("better", "not value <= best", "not value < best")],
    },
    "max-pool: every one of equal maxima gets the whole gradient": {
        MAX[0]: [(MAX[1], KEPT, "return y, (entries.real == y.real, xp.shape, windows)"),
                 (MAX[2], "winner == entry", "winner[entry]")],
    },
    "max-pool: equal maxima share the gradient": {
        MAX[0]: [(MAX[1], KEPT, "return y, (entries.real == y.real, xp.shape, windows)"),
                 (MAX[2], "np.where(winner == entry, dy, 0)", "winner[entry] * dy / winner.sum(axis=0)")],
    },
    "max-pool: a return inside the loop": {
        MAX[0]: [(MAX[2], "    return windows.crop(dx_padded)", "        return windows.crop(dx_padded)")],
        "ops/kernels/pooling": [("_add_if_winner", "+= dy[c] if np.int32(winner[c]) == entry else zero",
                                 "+= dy[c] if np.int32(winner[c]) == entry else zero; return")],
    },
    'max-pool: "same" pads with 0, which beats an all-negative map at its edges': {
        MAX[0]: [(MAX[1], "windows.pad(x, -np.inf)", "windows.pad(x, 0)")],
        "ops/kernels/pooling": [("_max_row", "best[c] = x[top + a_first, left + b_first, c]", "best[c] = 0")],
    },
    "max-pool: a map of one channel loses an axis": {
        MAX[0]: [(MAX[2], WINNER, "dx_padded[index] += np.where(winner == entry, dy.squeeze(), 0)")],
    },
    "max-pool: overlapping windows overwrite each other": {
        MAX[0]: [(MAX[2], WINNER, WINNER.replace("+=", "="))],
        "ops/kernels/pooling": [("_add_if_winner", "dx[c] += dy[c]", "dx[c] = dy[c]")],
    },
    "average pool: overlapping windows overwrite each other": {
        MAX[0]: [("average_pool2d_backward", "dx_padded[index] += dy / count", "dx_padded[index] = dy / count")],
        "ops/kernels/pooling": [("_average_row_backward", "pixel[c] += upstream", "pixel[c] = upstream")],
    },
}  # fmt: skip

CONVOLUTION: dict[str, dict[str, list[Edit]]] = {
    "convolution: dx right for one channel, wrong when layers are stacked": {
        CONV: [("_input_gradient", ADD, "dx_padded[index] += dy[..., :1] @ kernel[a, b].T[:1]")],
        "ops/kernels/direct": [("input_gradient", "transposed(np.array([kernel[entry] for entry in entries]))",
                                "np.array([kernel[entry] for entry in entries]).reshape(-1, filters, channels)")],
    },
    "convolution: the kernel is not rotated for dx": {
        CONV: [("_input_gradient", ADD, "dx_padded[index] += dy @ kernel[-1 - a, -1 - b].T")],
        "ops/kernels/winograd": [("input_gradient", "transposed(kernel, reverse=True)", "transposed(kernel)")],
        "ops/kernels/direct": [("_input_plan", "entries.append((a, b))", "entries.append((kh - 1 - a, kw - 1 - b))")],
    },
    "convolution: overlapping windows overwrite each other": {CONV: [("_input_gradient", ADD, ADD.replace("+=", "="))]},
    "convolution: the last row and column are lost when windows do not tile": {
        "ops/geometry": [("axis", "out = -(-length // stride)", "out = max(length // stride, 1)")],
        "ops/kernels/direct": [("_reach", "(length - 1 - first) // stride", "(length - stride - first) // stride")],
        "ops/kernels/winograd": [("tiling", "(-(-height // m), -(-width // m), m)", "(height // m, width // m, m)")],
    },
    "convolution: stride 1 only": {
        "ops/kernels/direct": [("_phases", "range(min(stride, length))", "range(1)")],
        "ops/kernels/depthwise": [("_input_gradient", "i * s0 + a * d0 - top", "i + a * d0 - top")],
    },
    "convolution: the bias gradient is summed over the wrong axes": {
        CONV: [(BACK, SUM, "dy.sum(axis=(1, 2, 3))")],
        "ops/kernels/convolution": [("conv2d_backward", "sum_rows(dy)", "sum_rows(dy[:, :1])")],
        "ops/reference/dense": [("dense_backward", "dy.sum(axis=0)", "dy.sum(axis=1)")],
    },
    "convolution: the dilation is ignored in dkernel": {
        CONV: [("_kernel_gradient", "np.tensordot(xp[index], dy",
                "np.tensordot(xp[:, a : a + index[1].stop - index[1].start : index[1].step, "
                "b : b + index[2].stop - index[2].start : index[2].step], dy")],
        "ops/kernels/direct": [("kernel_gradient", "np.arange(kh) * dilation[0]", "np.arange(kh)")],
        "ops/kernels/depthwise": [("_kernel_gradient", "i * s0 + a * d0 - top", "i * s0 + a - top")],
    },
}  # fmt: skip

ACTIVATIONS: dict[str, dict[str, list[Edit]]] = {
    "ELU: the gradient wrong by operator precedence": {
        "ops/reference/activations": [("elu_backward", "dy * (y + alpha)", "dy * y + alpha")],
        "ops/kernels/activations": [("_elu_dx", "dy * alpha * exp(x)", "dy * (alpha + exp(x))")],
    },
    "GELU: its constant mistyped by a factor of ten": {
        "ops/reference/activations": [("_GELU_CUBIC", "0.044715", "0.44715")],
        "ops/kernels/activations": [("_GELU_CUBIC", "0.044715", "0.44715")],
    },
    "softmax: only the diagonal p(1 − p) of its Jacobian": {
        "ops/reference/softmax": [
            ("softmax_backward", "p * (dy - (dy * p).sum(axis=-1, keepdims=True))", "p * (1 - p) * dy")
        ],
        "ops/kernels/softmax": [
            ("_softmax_gradient", "p[i, k] * (dy[i, k] - total)", "p[i, k] * (1 - p[i, k]) * dy[i, k]")
        ],
    },
}

NORMALIZATION: dict[str, dict[str, list[Edit]]] = {
    "batch norm: mean and variance taken for constants": {
        "ops/reference/normalization": [("batch_norm_input_gradient", "(dy - dbeta / m - x_hat * (dgamma / m))", "dy")],
        "ops/kernels/normalization": [("batch_norm_backward", "frozen=False", "frozen=True")],
        "layers/normalization": [("BatchNormalization.backward",
                                  "ops.batch_norm_backward if self._used_batch else ops.batch", "ops.batch")],
    },
    "batch norm: the mean taken for a constant": {
        "ops/reference/normalization": [("batch_norm_input_gradient", "dy - dbeta / m - x_hat", "dy - x_hat")],
        "ops/kernels/normalization": [("_input_gradient", "d - constant[c] - deviation", "d - deviation")],
    },
    "batch norm: the variance taken for a constant": {
        "ops/reference/normalization": [("batch_norm_input_gradient", " - x_hat * (dgamma / m)", "")],
        "ops/kernels/normalization": [("_input_gradient", " - deviation * slope[c]", "")],
    },
    "batch norm: running statistics move in evaluation": {
        "layers/normalization": [("BatchNormalization.forward_by", "y, self._cache = inference_forward(",
                                  "self._move(self.moving_mean, x.mean(tuple(range(x.ndim - 1)))); "
                                  "y, self._cache = inference_forward(")],
    },
    "batch norm: no epsilon, so one sample or a constant channel divides by zero": {
        "ops/reference/normalization": [("batch_norm_inference_forward", "np.sqrt(variance + epsilon)",
                                         "np.sqrt(variance)")],
        "ops/kernels/normalization": [("_inference_forward", "np.sqrt(np.float64(variance) + epsilon)",
                                       "np.sqrt(np.float64(variance))")],
    },
    "batch norm: the variance over m − 1, so one sample divides by zero": {
        "ops/reference/normalization": [("batch_norm_forward", "squares / (x.size // x.shape[-1])",
                                         "squares / (x.size // x.shape[-1] - 1)")],
    },
    "normalization: a constant channel divides by zero": {
        "layers/rescaling": [("Normalization._deviation", "np.maximum(np.sqrt(self._statistics()[1]), "
                                  "np.asarray(1e-7, self.dtype))", "np.sqrt(self._statistics()[1])")],
    },
}  # fmt: skip

DROPOUT: dict[str, dict[str, list[Edit]]] = {
    "dropout: backward draws a mask of its own": {
        "layers/dropout": [("Dropout.backward", "ops.dropout_backward(dy, self._cache)",
                            "ops.dropout_forward(dy, self.rate, int(self.generator.integers(2**63)), "
                            "self.spatial)[0]")],
    },
    "dropout: the scale is missing in backward": {
        "ops/reference/dropout": [("dropout_backward", "dy * scaled_mask", "dy * (scaled_mask != 0)")],
        "ops/kernels/dropout": [("dropout_backward", "_through_mask(prepare(dy), *cache)",
                                 "_through_mask(prepare(dy), *cache[:2], 1.0, cache[3])")],
    },
    "dropout: active at evaluation": {
        "layers/dropout": [("Dropout.forward", "training and self.rate > 0", "self.rate > 0")],
    },
}  # fmt: skip

LOSSES: dict[str, dict[str, list[Edit]]] = {
    "loss: not divided by the batch": {
        "losses/base": [("Loss._gradient_of_losses", "np.asarray(math.prod(shape), dtype)", "1")],
    },
    "loss: its gradient not divided by the batch": {
        "losses/base": [("Loss.backward", "*self._cache", "len(self._cache[0]) * self._cache[0], self._cache[1]")],
    },
    "loss: divided by the batch where the sum of the class weights was meant": {
        "losses/base": [("Loss._gradient_of_losses", "weights.sum() or 1", "weights.size")],
    },
    "loss: the weights are missing in the gradient": {
        "losses/base": [("Loss.backward", "*self._cache",
                    "np.full_like(self._cache[0], self._cache[0].mean()), self._cache[1]")],
    },
    "cross-entropy: log(0)": {
        "losses/base": [("log_of", "np.log(kept)", "np.log(p)")],
        "ops/reference/softmax": [("log_softmax_forward",
                                   "shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
                                   "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True))")],
        "ops/kernels/softmax": [("_softmax", "log_p[i, k] = x[i, k] - largest - log_total",
                                 "log_p[i, k] = math.log(p[i, k])")],
    },
}  # fmt: skip

OPTIMIZERS: dict[str, dict[str, list[Edit]]] = {
    "Adam: the bias correction off by one step": {
        "ops/reference/updates": [("adam_rate", "(1 - beta_1**t)", "(1 - beta_1 ** (t + 1))")],
        "optimizers/adam": [("Adam.update_step", "self.iterations + 1", "self.iterations + 2")],
    },
    "weight decay: biases and batch norm decay although excluded": {
        "optimizers/base": [("Optimizer.decays",
                             "not by_name and parameter.path not in self._undecayed[\"paths\"]", "True")],
    },
    "AdamW: the decay folded into the moments": {
        "ops/reference/updates": [("adam_update", "_clipped(dw, scale, limit)",
                                   "_clipped(dw, scale, limit) + weight_decay * w"),
                                  ("adam_update", "w *= 1 - learning_rate * weight_decay", "pass")],
        "ops/kernels/updates": [("_adam", "_clip(scale * dws[i], limit)",
                                 "_clip(scale * dws[i], limit) + (1 - keep) * ws[i]"),
                                ("_adam", "keep * ws[i]", "ws[i]")],
    },
    "SGD: Nesterov's look-ahead is missing": {
        "ops/reference/updates": [("sgd_update", "momentum * velocity - step if nesterov else velocity", "velocity")],
        "ops/kernels/updates": [("_sgd", "if nesterov:", "if False:")],
        "optimizers/sgd": [("SGD.update_step", "self.nesterov", "False")],
    },
    "L2: in the loss but not in the gradient": {
        "models/step": [("TrainingStep._add_penalties",
                      "weight.grad + weight.regularizer.gradient(weight.value)", "weight.grad")],
        "regularizers": [("L1L2.gradient", " + (2 * self.l2) * w", "")],
    },
    "L2: the 2 of its gradient is missing": {"regularizers": [("L1L2.gradient", "(2 * self.l2)", "self.l2")]},
}  # fmt: skip

TYPES: dict[str, dict[str, list[Edit]]] = {
    "float32 becomes float64": {
        "ops/reference/dropout": [("dropout_forward", ".astype(x.real.dtype)", "")],
        "ops/kernels/normalization": [("_backward", "dgamma.astype(x.dtype)", "dgamma")],
        "losses/base": [
            ("Loss._gradient_of_losses", "else sample_weight, dtype)", "else sample_weight, float)")
        ],
    },
    "float64 becomes float32": {
        MAX[0]: [(MAX[2], "np.zeros(padded_shape, dy.dtype)", "np.zeros(padded_shape, np.float32)")],
        "ops/kernels/pooling": [("_average_row_backward", "dx.dtype.type(1 /", "np.float32(1 /")],
    },
}

FAULTS = POOLING | CONVOLUTION | ACTIVATIONS | NORMALIZATION | DROPOUT | LOSSES | OPTIMIZERS | TYPES
