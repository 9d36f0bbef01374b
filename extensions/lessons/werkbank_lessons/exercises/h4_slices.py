"""Made-up slices of lesson H4: a piece of liver-like tissue with vessels, and with lesions whose outline is known.

Nothing in them comes from a person, and real tissue is harder: the point is that the truth is known exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

SIZE = 64  # pixels, both ways
SPACING = 2.0  # mm from pixel to pixel
PIXEL_AREA = SPACING**2 / 100  # cm²

_ROWS, _COLUMNS = np.mgrid[:SIZE, :SIZE]


def make_slices(
    seed: int, count: int, noise: float = 10, darker: tuple[float, float] = (15, 60)
) -> tuple[np.ndarray, np.ndarray]:
    """``count`` slices (count × 64 × 64, float32, in HU) and where their lesions are (the same shape, yes or no).

    ``noise`` is the standard deviation of the noise in HU; a lesion is ``darker`` than the tissue by a contrast from
    that range, in HU (negative: brighter). A slice in four has no lesion, the others one or two of 3 to 20 mm radius.
    """
    rng = np.random.default_rng(seed)
    made = [_slice(rng, noise, darker) for _ in range(count)]
    return np.array([image for image, _ in made], dtype=np.float32), np.array([lesion for _, lesion in made])


def _slice(rng: np.random.Generator, noise: float, darker: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    image = 100 + 4 * _grain(rng, 6)
    for _ in range(rng.integers(2, 5)):  # vessels, filled with contrast agent
        image = image + rng.uniform(25, 45) * _blob(rng, rng.uniform(1.2, 2.5))
    lesion = np.zeros((SIZE, SIZE), dtype=bool)
    lesions = 0 if rng.random() < 0.25 else rng.integers(1, 3)
    for _ in range(lesions):
        blob = _blob(rng, rng.uniform(2.5, 9))
        image = np.where(blob & ~lesion, image - rng.uniform(*darker), image)
        lesion |= blob
    return gaussian_filter(image, 0.8) + noise * _grain(rng, 0.7), lesion


def _grain(rng: np.random.Generator, width: float) -> np.ndarray:
    """Noise with a standard deviation of about 1 that is smooth over ``width`` pixels."""
    return gaussian_filter(rng.normal(size=(SIZE, SIZE)), width) * 2 * np.sqrt(np.pi) * width


def _blob(rng: np.random.Generator, radius: float) -> np.ndarray:
    """A dented ellipse of about that radius (pixels), anywhere but at the edge."""
    row, column = rng.uniform(14, SIZE - 14, size=2)
    stretch, turn, dent = rng.uniform(0.75, 1.3), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    down, across = _ROWS - row, _COLUMNS - column
    along = (across * np.cos(turn) + down * np.sin(turn)) / (radius * stretch)
    beside = (down * np.cos(turn) - across * np.sin(turn)) / (radius / stretch)
    return np.hypot(along, beside) < 1 + 0.12 * np.sin(3 * np.arctan2(beside, along) + dent)
