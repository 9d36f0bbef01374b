"""Four hospitals of lesson H3, and the whole numbers that they send.

scikit-learn, which carries the patients, is there only with an extra that has it: it is imported when they are read.
"""

from __future__ import annotations

import numpy as np

# Malignant and benign patients of each hospital: another size and another mix in each.
CASES = {"A": (3, 137), "B": (10, 70), "C": (24, 36), "D": (110, 6)}

_SCALE = 2**16  # steps per unit of a number that is sent; what is summed must stay between -32768 and 32768


def make_stations(seed: int) -> tuple[dict, tuple[np.ndarray, np.ndarray]]:
    """Divide the 569 patients of scikit-learn's breast cancer data over four hospitals and a reference set.

    Returns the hospitals by name and the reference set; each is a pair: measurements (patients × 30, in the units of
    the data) and whether the tumour is malignant (1 or 0). Nobody is in two of them.
    """
    from sklearn.datasets import load_breast_cancer

    measurements, benign = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(seed)
    queues = [rng.permutation(np.flatnonzero(benign == which)) for which in (0, 1)]
    hospitals = {}
    for name, counts in CASES.items():
        chosen = [queue[:count] for queue, count in zip(queues, counts, strict=True)]
        queues = [queue[count:] for queue, count in zip(queues, counts, strict=True)]
        places = rng.permutation(np.concatenate(chosen))
        hospitals[name] = (measurements[places], 1 - benign[places])
    rest = np.concatenate(queues)
    return hospitals, (measurements[rest], 1 - benign[rest])


def mask(secret: int, length: int) -> np.ndarray:
    """``length`` numbers (uint32), each equally probable, that follow from ``secret`` alone.

    For a lesson: this generator is good, and not made to withstand somebody who wants to guess it.
    """
    return np.random.default_rng(secret).integers(0, 2**32, size=length, dtype=np.uint32)


def encode(values: np.ndarray) -> np.ndarray:
    """``values`` in steps of 2⁻¹⁶, as whole numbers modulo 2³² (uint32): negative ones end up at the top."""
    return np.round(np.asarray(values) * _SCALE).astype(np.int64).astype(np.uint32)


def decode(numbers: np.ndarray) -> np.ndarray:
    """The values of which ``numbers`` (uint32) are the code, or the code of their sum."""
    return np.asarray(numbers, dtype=np.uint32).astype(np.int32) / _SCALE
