"""FER2013's rows of Training that show no face: what ``--drop-faulty`` leaves out.

Blank   the standard deviation of its 2304 pixels is below 5. That holds for 12 rows of Training, 11 of them black;
        the darkest face has 9.
Known   one of 51 rows that show no face and are not blank: "image moved" texts, warning signs, a crossed camera, a
        question mark, a hand, the number 26.2.

How the 51 were found: the Training rows were sorted by several measures of how unusual they are (distance
from the span of 60 eigenfaces and within it, share of the most frequent gray value, contrast, similarity to
the mean face and to the nearest other rows, and how certain a small network is of their orientation). The
first 250 to 750 rows of each order, more than 2,700 rows, were inspected by eye. Drawn faces stay: they have
an expression. FER2013 is said to hold about 176 non-faces in all, so there are others, among the drawings or
the rows that none of these measures found unusual.

A row is recognised by the means of its 4×4 blocks of 12×12 pixels, each within 3 gray values: in every form
of the data, in any order, and in JPEG files too. Among all rows of Training and PublicTest this finds these
51 and no others, also with twice the tolerance; JPEG at quality 50 changes a mean by at most 3.
"""

import numpy as np

LEAST_CONTRAST = 5.0  # standard deviation, in gray values
TOLERANCE = 3  # gray values
BLOCK = 12

# Training row (from 0): the means of its 16 blocks, in hexadecimal.
# fmt: off
KNOWN_NON_FACES = {
    59: "0000000000001216000034380000606e", 2059: "f6f5f8fddadcf5fefcfcfcfcf7f7f7f7",
    2809: "fef5f6fefeeff3fefeeef1fefef2f4fe", 3262: "e9e7f0fde7e8fdfdfbfbfbfbefefefef",
    3931: "f5efeef8ffedf6fff3edeef8f0e9eaf7", 4275: "edeefdfee2eefefeeeeefdfeeeeefcfe",
    5082: "2b2b311e2e2c32205f524b4a837c7453", 5274: "fcfdfaeefcfbf0dafdf3dbcff9e9d0c7",
    5439: "fdfdfefeeae6f1feeeeceffef0eef5fe", 5722: "d6d6d3cd9595a3d19a988cd29797a5ce",
    5881: "f1edeef0f2eeeff2f1eff0eeebeeecea", 6102: "ccccccccced1d3d3d1bdbbbabb868686",
    6699: "2020191069533634683a242a3d222a37", 7172: "faeeedf7f5ececf1fcefecf8faf5f5f8",
    7496: "00000000000000000000280000136c02", 7527: "95908f92869a9b9886878687b4b0afb2",
    8030: "00264c1201532a490690af6a00583a44", 8737: "fef4e7ecfef3f2f3fef0ebebfef0e8ea",
    8856: "000000000c5101003f86360044554c05", 9026: "0000000000000800001d6a060342713a",
    9500: "a4a4a6b8898989929b9b9a8f8686869a", 9679: "f5ededf4f4eeeef5f4eeedf4fcf1f0fc",
    11244: "bebcbcbf86868686969d9d8f86868686", 11295: "d4d5d4ce989799c8929291bd9d9b9ec6",
    11846: "f6e9eef0dee6e4e4dae8e3e3ebf0f0f3", 12289: "8092947ca4aca4a5bababbb8b6a4a6ab",
    12352: "e9ebeaeae5eae5f6fbfbfbfbf4f4f4f4", 13839: "4559442c68b574586159342c2d362f28",
    14279: "fdf2f1fefde9ebfefcf1f2fefce9e9fd", 15144: "f7f7f7f8e4f8f7fde1e4e8fefcfcfcfc",
    15838: "fbfbfbfbe0f3fefdfcfcfcfce0e8e9e9", 16540: "fccebce4fa9babe8fca49fe0f5cbccfd",
    17081: "f5fcfdf4faf2f0f3eee1e4e5eae4e4e5", 19238: "fcedf0fefbedf1fef9edeffefcedf1fe",
    19632: "fdfbeaedf1e5dfe1f5f0f0edfff5f2f2", 20222: "00000000000000000000000000292c00",
    20712: "fbeff0fefaeaeffefaf1f3fef9e6ebfe", 20817: "fcfcfcfcfdfdfafde3dde1f0e1dae5fd",
    21817: "000f2f00002d7701003c491a00000000", 22314: "c5c9e7fb54232c38532d303f522b757e",
    23596: "d2d7d7d5a69695998d949b8e98878689", 23894: "0000000093934500fcf7770050502500",
    24053: "cccfcfcdc89f9fc8c59596c5cccdcdcc", 24441: "d0c1b3b1d3938988d2919999cfa5908d",
    24891: "f8f8f8f8ebfaf8f8dee3dddcfcfcfcfc", 25219: "0000000000161c000035410000000000",
    25603: "987d8281aca6a1a3b7b4b2b4aaaeb2ad", 25909: "0000000000003d04001d622f00000000",
    26383: "0000102200005570002f456e00272a2c", 26860: "8e87878986999a9886868686c1bcbbbe",
    26897: "c3eed4d6fafed1d8ffd5d0fdffd9f8ff",
}
# fmt: on
_MEANS = (
    np.frombuffer(bytes.fromhex("".join(KNOWN_NON_FACES.values())), np.uint8)
    .reshape(len(KNOWN_NON_FACES), -1)
    .astype(np.int16)
)


def black(images: np.ndarray) -> np.ndarray:
    """Return of each image (N, 48, 48) whether all its pixels are black, up to JPEG's errors: (N,) bool."""
    return images.reshape(len(images), -1).max(axis=1, initial=0) <= TOLERANCE


def no_face(images: np.ndarray) -> np.ndarray:
    """Return of each image (N, 48, 48) uint8 whether it is blank or known to show no face: (N,) bool."""
    found = np.empty(len(images), bool)
    for start in range(0, len(images), 1024):
        part = images[start : start + 1024]
        means = block_means(part)
        difference = np.abs(means[:, None] - _MEANS).max(axis=2)
        known = difference.min(axis=1) <= TOLERANCE
        contrast = part.reshape(len(part), -1).std(axis=1, dtype=np.float32)
        found[start : start + 1024] = known | (contrast < LEAST_CONTRAST)
    return found


def block_means(images: np.ndarray) -> np.ndarray:
    """Return the means of the 4×4 blocks of each image (N, 48, 48), (N, 16) int16."""
    bands = images.reshape(-1, 4, BLOCK, 48).sum(axis=2, dtype=np.uint32)  # (N, 4, 48)
    sums = bands.reshape(-1, 16, BLOCK).sum(axis=2, dtype=np.uint32)
    return np.rint(sums / BLOCK**2).astype(np.int16)
