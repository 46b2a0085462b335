"""Words for each kind of layer."""

from minicnn.explain.describe.words import Words

_MAX = "y[i,j,c] = max_a,b xp[i·s + a, j·s + b, c]"
_WINNER = "dx_padded[i·s + a, j·s + b, c] += dy[i,j,c] for the winner (a, b) alone"
_MEAN = "y[i,j,c] = 1/m · Σ_a,b xp[i·s + a, j·s + b, c]"
_ENTRYWISE, _SLOPE = "y = f(x)", "dx = dy · f'(x)"
_MOVED, _MOVED_BACK = "y = J·x", "dx_i = Σ_o J_oi·dy_o"
_MERGING = "graphs.md#layers-that-join"

COMPUTING = {
    "Input": Words(
        "Input",
        "The numbers as the net gets them: a gray value for each pixel and channel.",
        _ENTRYWISE,
        "How fast the loss grows when a pixel gets brighter: the sum over everything that the "
        "pixel is used for.",
        "dx_i = Σ_j dy_j · ∂y_j/∂x_i",
        "index.md#the-chain-rule",
    ),
    "Conv2D": Words(
        "Convolution",
        "A kernel slides over the map. At each position it is multiplied with the window under it, through "
        "all channels, and the products are added up.",
        "y[i,j,k] = bias[k] + Σ_a,b,c xp[i·s + a·d, j·s + b·d, c] · kernel[a,b,c,k]",
        "Each dy adds a copy of its kernel, scaled by itself, to the window that it came from; overlapping "
        "copies add up. A kernel entry gets x · dy from every position.",
        "dx_padded[i·s + a·d, j·s + b·d, c] += Σ_k dy[i,j,k] · kernel[a,b,c,k]; "
        "dkernel[a,b,c,k] = Σ_i,j xp[i·s + a·d, j·s + b·d, c] · dy[i,j,k]",
        "convolution.md",
    ),
    "Conv2DTranspose": Words(
        "Transposed convolution",
        "A convolution's backward pass as a forward pass: each pixel adds a copy of the kernel, times itself, to its "
        "window in a larger map.",
        "y[i·s + a·d, j·s + b·d, k] += Σ_c x[i,j,c] · kernel[a,b,k,c]",
        "The other way round: dx is a convolution of dy. A kernel entry gets x · dy from every position.",
        "dx[i,j,c] = Σ_a Σ_b Σ_k dy[i·s + a·d, j·s + b·d, k] · kernel[a,b,k,c]; "
        "dkernel[a,b,k,c] = Σ_i Σ_j dy[i·s + a·d, j·s + b·d, k] · x[i,j,c]",
        "transposed_convolution.md",
    ),
    "DepthwiseConv2D": Words(
        "Depthwise convolution",
        "Each channel is convolved with kernels of its own; there is no sum over channels.",
        "y[i,j,c·M + m] = bias[c·M + m] + Σ_a,b xp[i·s + a·d, j·s + b·d, c] · kernel[a,b,c,m]",
        "A pixel is used in the outputs of its own channel only, so the only sum left is over its M kernels.",
        "dx_padded[i·s + a·d, j·s + b·d, c] += Σ_m dy[i,j,c,m] · kernel[a,b,c,m]; "
        "dkernel[a,b,c,m] = Σ_i,j xp[i·s + a·d, j·s + b·d, c] · dy[i,j,c,m]",
        "depthwise_and_separable.md",
    ),
    "Dense": Words(
        "Dense",
        "Every output uses every input, each with a weight of its own.",
        "y[u] = b[u] + Σ_d x[d] · W[d,u]",
        "The slope of a product is its other factor: x gets dy times the weights, a weight gets its "
        "input times dy.",
        "dx[d] = Σ_u dy[u] · W[d,u]; dW[d,u] = x[d] · dy[u]; db[u] = dy[u]",
        "dense.md",
    ),
    "ReLU": Words(
        "ReLU",
        "Positive numbers pass; the others become 0, or small in a leaky ReLU.",
        "f = max(x, 0)",
        "A gate: dy passes where x was positive. At 0 it is closed, by convention.",
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
        "The largest entry of each window, in each channel by itself.",
        _MAX,
        "The winner gets the whole gradient, the others nothing. Among equals the first in "
        "reading order wins.",
        _WINNER,
        "pooling.md",
    ),
    "AveragePooling2D": Words(
        "Average pooling",
        "The mean of each window, in each channel by itself; m is the number of its entries inside the map.",
        _MEAN,
        "Each entry of the window gets an equal share; overlapping windows add.",
        "dx_padded[i·s + a, j·s + b, c] += dy[i,j,c]/m for all (a, b) inside the map",
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
        "Each channel gets mean 0 and variance 1 over all m of its entries, then a learned scale "
        "γ and offset β.",
        "r = 1/√(v + ε); x̂_i = (x_i − μ)·r; y_i = γ·x̂_i + β",
        "An entry reaches y on three paths: directly, through the mean, through the variance. So dx is dy "
        "without the part that a shift or a scaling of the whole channel could explain. (With moving statistics "
        "there is only the direct path.)",
        "dx_i = γ·r·(dy_i − dβ/m − x̂_i·dγ/m); dβ = Σ_i dy_i; dγ = Σ_i dy_i·x̂_i",
        "batch_normalization.md",
    ),
    "GroupNormalization": Words(
        "Group normalization",
        "Each group of channels gets mean 0 and variance 1 over all m of its entries, then each channel a "
        "learned scale γ and offset β.",
        "r = 1/√(v + ε); x̂_i = (x_i − μ)·r; y_i = γ_c·x̂_i + β_c",
        "An entry reaches y on three paths: directly, through the mean, through the variance of its group. γ "
        "differs between the channels of a group, so it stays inside the sums.",
        "dx_i = r·(dx̂_i − 1/m·Σ_j dx̂_j − x̂_i·1/m·Σ_j dx̂_j·x̂_j); dβ_c = Σ dy; dγ_c = Σ dy·x̂",
        "group_normalization.md",
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
        "Minus the mean, divided by the standard deviation: those of the training data, fixed numbers.",
        "y = x · scale + offset",
        "The slope is the scale: 1 over the standard deviation.",
        "dx = dy · scale",
        "batch_normalization.md#in-the-code",
    ),
    "Dropout": Words(
        "Dropout",
        "Random entries become 0, the others are made larger, so that the mean stays the same.",
        "y_i = m_i·x_i/(1 − q)",
        "The same mask and the same scale: an entry that was dropped gets no gradient.",
        "dx_i = m_i·dy_i/(1 − q)",
        "dropout.md",
    ),
    "Softmax": Words(
        "Softmax",
        "A row of scores becomes positive numbers that add up to 1.",
        "p_k = e^z_k / Σ_j e^z_j",
        "Each score is in every probability: raising one lowers the others. With cross-entropy after it, all "
        "of this becomes p − t.",
        "dz_j = Σ_k dp_k·p_k·(δ_kj − p_j) = p_j·(dp_j − Σ_k dp_k·p_k)",
        "softmax_cross_entropy.md",
    ),
    "Opaque": Words(
        "Layer",
        "This page has no arithmetic for this layer; its values are the library's, recorded.",
        "y, cache = …_forward(x, parameters)",
        "The gradients that it sends back are the library's too, recorded.",
        "dx, dparameters = …_backward(dy, cache)",
        "index.md#what-a-backward-function-is",
    ),
}

MOVING = {
    "Flatten": Words(
        "Flatten",
        "The same numbers in one row, in the order row, column, channel.",
        _MOVED,
        "Each gradient goes back to where its number came from: dy in x's shape.",
        _MOVED_BACK,
        "shape.md",
    ),
    "Reshape": Words(
        "Reshape",
        "The same numbers in the same order, in another shape.",
        _MOVED,
        "Each gradient goes back to where its number came from: dy in x's shape.",
        _MOVED_BACK,
        "shape.md",
    ),
    "Permute": Words(
        "Permute",
        "The same numbers, with the axes in another order.",
        _MOVED,
        "Each gradient goes back to where its number came from: dy with the axes in their old order.",
        _MOVED_BACK,
        "shape.md",
    ),
    "ZeroPadding2D": Words(
        "Zero padding",
        "The map with a border of zeros.",
        _MOVED,
        "The border does not depend on x: dx is dy without its border.",
        _MOVED_BACK,
        "shape.md",
    ),
    "Cropping2D": Words(
        "Cropping",
        "The map without its border.",
        _MOVED,
        "No output depends on the border: its gradient is 0. Inside, dx is dy.",
        _MOVED_BACK,
        "shape.md",
    ),
    "UpSampling2D": Words(
        "Upsampling",
        "Each pixel is repeated.",
        _MOVED,
        "A pixel gets the sum of the gradients of its copies.",
        _MOVED_BACK,
        "shape.md",
    ),
}

MERGING = {
    "Add": Words(
        "Sum",
        "Entry by entry, the sum of the inputs.",
        "y = a + b",
        "The slope of a sum is 1: each term gets dy as it is.",
        "da = dy; db = dy",
        _MERGING,
    ),
    "Subtract": Words(
        "Difference",
        "Entry by entry, the first input minus the second.",
        "y = a − b",
        "The first gets dy, the second −dy.",
        "da = dy; db = −dy",
        _MERGING,
    ),
    "Average": Words(
        "Mean",
        "Entry by entry, the mean of the inputs.",
        "y = (a + b)/2",
        "Each gets its share of dy.",
        "da = dy/2; db = dy/2",
        _MERGING,
    ),
    "Multiply": Words(
        "Product",
        "Entry by entry, the product of the inputs.",
        "y = a · b",
        "Each factor gets dy times the other factor.",
        "da = dy · b; db = dy · a",
        _MERGING,
    ),
    "Maximum": Words(
        "Maximum",
        "Entry by entry, the largest of the inputs.",
        "y = max(a, b)",
        "The winner gets the whole gradient; among equals, the first.",
        "da = dy where a ≥ b, else 0; db = dy where b > a",
        _MERGING,
    ),
    "Minimum": Words(
        "Minimum",
        "Entry by entry, the smallest of the inputs: −max of their negatives.",
        "y = −max(−a, −b)",
        "The winner gets the whole gradient; among equals, the first.",
        "da = dy where −a ≥ −b, else 0; db = dy where −b > −a",
        _MERGING,
    ),
    "Concatenate": Words(
        "Concatenate",
        "The inputs, one after the other.",
        "y = [a, b]",
        "The gradient is cut at the same place: each input gets its own part.",
        "da = the first part of dy; db = the rest",
        _MERGING,
    ),
}

LAYERS = COMPUTING | MOVING | MERGING
