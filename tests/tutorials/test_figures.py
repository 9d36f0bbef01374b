"""Maps keep areas true and drawings carry their words."""

from __future__ import annotations

import numpy as np
import pytest
from werkbank_lessons.figures import OKABE_ITO, albers


def quad_area(x, y):
    """Area of a small quadrilateral by the shoelace formula; corners in order."""
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@pytest.mark.parametrize("latitude", [16.0, 25.0, 37.5, 50.0, 59.0])
@pytest.mark.parametrize("longitude", [-134.0, -90.0, -46.0])
def test_the_map_projection_keeps_areas(latitude, longitude):
    step = 0.01
    longitudes = longitude + step * np.array([0, 1, 1, 0])
    latitudes = latitude + step * np.array([0, 0, 1, 1])
    on_map = quad_area(*albers(longitudes, latitudes))
    on_sphere = np.deg2rad(step) * np.diff(np.sin(np.deg2rad([latitude, latitude + step])))[0]
    assert on_map == pytest.approx(on_sphere, rel=1e-4)


def test_the_map_is_centred_and_north_is_up():
    assert albers(-90.0, 37.5) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert albers(-90.0, 50.0)[1] > 0 > albers(-90.0, 20.0)[1]
    assert albers(-60.0, 40.0)[0] > 0 > albers(-120.0, 40.0)[0]


def test_the_palette_is_the_published_one():
    assert len(set(OKABE_ITO.values())) == 8
    assert OKABE_ITO["vermilion"] == "#D55E00"
