"""A map of faces by what the last layer of a network sees of them: principal components.

The rows of X (N, F) are centred. X = U·S·Vᵀ; the first columns of V are the directions in which the faces differ most,
and U·S are the faces' coordinates along them. The k-th direction holds the share S_k² / Σ S² of the variance. V is
determined up to its sign: the entry of the largest size is positive.
"""

import numpy as np

LEAST_FACES = 100  # for t-SNE, whose groups are of about 30


def principal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of rows (N, F): coordinates (N, 2), shares of the variance (2,).

    Both are 0 where there are fewer components.
    """
    x = np.asarray(x, np.float64)
    centred = x - x.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
    directions = directions * signs[:, None]
    coordinates, shares = np.zeros((len(x), 2)), np.zeros(2)
    coordinates[:, : len(directions)] = centred @ directions.T
    total = (sizes**2).sum()
    shares[: len(directions)] = (sizes**2)[:2] / (total if total > 0 else 1)
    return coordinates, shares


def neighbours(x: np.ndarray) -> np.ndarray | None:
    """Return coordinates (N, 2) by t-SNE, which keeps near faces near; None without scikit-learn, or for few faces.

    Distances between far groups, and their sizes, mean nothing in it.
    """
    try:
        from sklearn.manifold import TSNE  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    if len(x) < LEAST_FACES:
        return None
    return np.asarray(TSNE(init="pca", random_state=0).fit_transform(np.asarray(x, np.float32)), np.float64)


def maps(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the axes are -> coordinates (N, 2), of each map that can be made."""
    coordinates, (first, second) = principal(x)
    found = {f"principal components: {first:.0%} and {second:.0%} of the variance": coordinates}
    near = neighbours(x)
    if near is not None:
        found["t-SNE: near faces stay near, far distances mean nothing"] = near
    return found
