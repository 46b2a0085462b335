"""Photographs and frames with a box around each face, its emotion and confidence beside it."""

from collections.abc import Sequence

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from fer.data.detect import Box

COLOUR = "#D55E00"  # plots.ORANGE


def annotated(photo: np.ndarray, faces: Sequence[tuple[Box, str]], scale: float = 1.0) -> np.ndarray:
    """Return a photograph with boxes and texts drawn on it, (H, W, 3) uint8 of the same size.

    Args:
        photo: (H, W, 3) uint8, RGB.
        faces: a box, in pixels of the original, and its text.
        scale: the photograph's size as a share of the original's.
    """
    image = Image.fromarray(photo)
    draw = ImageDraw.Draw(image)
    font_file = font_manager.findfont("DejaVu Sans")
    line = max(1, round(min(image.size) / 240))
    for box, text in faces:
        left, top, width, height = (round(length * scale) for length in box)
        right, bottom = left + max(width, 1) - 1, top + max(height, 1) - 1
        draw.rectangle((left, top, right, bottom), outline=COLOUR, width=line)
        font = ImageFont.truetype(font_file, min(max(11, round(width / 7)), max(11, image.height // 20)))
        x0, y0, x1, y1 = draw.textbbox((0, 0), text, font=font)
        pad = 2 + line
        tall, wide = y1 - y0 + 2 * pad, x1 - x0 + 2 * pad
        x = max(0, min(left, image.width - wide))
        y = top - tall if top >= tall else min(bottom + 1, image.height - tall)
        draw.rectangle((x, y, x + wide - 1, y + tall - 1), fill=COLOUR)
        draw.text((x + pad - x0, y + pad - y0), text, fill="white", font=font)
    return np.asarray(image)
