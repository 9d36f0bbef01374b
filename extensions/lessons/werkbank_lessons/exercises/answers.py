"""What judges of several lessons ask of an answer before they look at its value."""

from __future__ import annotations

import numpy as np

from . import NotYetError


def require_something(found) -> None:
    """Raise `NotYetError` for an answer that nobody has written yet."""
    if found is None or found is Ellipsis:
        raise NotYetError("check.nothing")


def row_of_numbers(found, count: int, hint: str) -> np.ndarray:
    """The answer as ``count`` numbers in a row, finite or not; raises `NotYetError` with ``hint``, which is told the
    ``count``, when it is anything else.
    """
    require_something(found)
    try:
        numbers = np.asarray(found, dtype=float)
    except (TypeError, ValueError):
        raise NotYetError(hint, count=count) from None
    if numbers.shape != (count,):
        raise NotYetError(hint, count=count)
    return numbers


def finite_number(found, hint: str, **values) -> float:
    """The answer as a finite number; raises `NotYetError` with ``hint`` when it is not one."""
    require_something(found)
    try:
        number = float(found) if np.ndim(found) == 0 else np.nan
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise NotYetError(hint, **values)
    return number
