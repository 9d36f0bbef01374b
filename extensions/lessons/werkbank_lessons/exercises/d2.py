"""Exercises of lesson D2, "Climate: compare two futures"."""

from __future__ import annotations

import numpy as np
import xarray as xr

from . import Exercise, NotYetError
from .answers import require_something


def area_mean(field: xr.DataArray) -> xr.DataArray:
    """Mean of ``field`` over ``latitude`` and ``longitude`` (degrees), each cell counted with its area: cos φ on a
    regular grid.
    """
    weights = np.cos(np.deg2rad(field.latitude))
    return field.weighted(weights).mean(("latitude", "longitude"))


def judge_area_mean(answer, rng: np.random.Generator) -> None:
    """Compare with means over a band of the sphere that are known exactly.

    A constant keeps its value. For T = sin φ between latitudes a and b the area mean is (sin a + sin b) / 2; cell
    centres on a grid this fine come within 1e-3 of it, while equal weights are off by more than 1e-2 on bands as wide
    as these. Wrong weights can be right by chance on one band (cosines of degrees are, about once in a hundred), not
    on three.
    """
    for _ in range(3):
        _judge_on_one_band(answer, rng)


def _judge_on_one_band(answer, rng: np.random.Generator) -> None:
    south, north = rng.uniform((-20, 60), (10, 80))
    grid = _band(rng, south, north)
    level = float(rng.uniform(200, 300))
    constant = _means(answer, xr.full_like(grid, level))
    if not np.allclose(constant, level, rtol=1e-5):
        raise NotYetError("D2-1.constant", found=float(constant[0]), exact=level)
    exact = float(np.sin(np.deg2rad([south, north])).mean())
    gradient = np.sin(np.deg2rad(grid.latitude)) + grid
    found = _means(answer, gradient)
    if not np.allclose(found, exact, atol=1e-3):
        raise NotYetError(_which_weights(gradient, found), found=float(found[0]), exact=exact)


def _band(rng: np.random.Generator, south: float, north: float) -> xr.DataArray:
    """Two moments of a field on a fine grid that varies only with longitude, with zonal mean 0."""
    edges = np.linspace(south, north, int(rng.integers(300, 400)) + 1)
    latitude = (edges[:-1] + edges[1:]) / 2
    longitude = np.arange(0, 360, 30.0)
    wave = np.sin(np.deg2rad(longitude) + rng.uniform(0, 6, size=(2, 1)))
    values = np.repeat(wave[:, np.newaxis, :], latitude.size, axis=1)
    coords = {"time": [0, 1], "latitude": latitude, "longitude": longitude}
    return xr.DataArray(values, dims=("time", "latitude", "longitude"), coords=coords)


def _means(answer, field: xr.DataArray) -> np.ndarray:
    """The answer's mean at each moment; raises `NotYetError` unless it is a number per moment."""
    found = answer(field)
    require_something(found)
    if not isinstance(found, xr.DataArray) or found.dims != ("time",):
        raise NotYetError("D2-1.shape")
    return found.values


def _which_weights(field: xr.DataArray, found: np.ndarray) -> str:
    """The hint that fits a wrong mean: every row equal, degrees taken for radians, or something else."""
    space = ("latitude", "longitude")
    if np.allclose(found, field.mean(space), atol=1e-3):
        return "D2-1.equal"
    if np.allclose(found, field.weighted(np.cos(field.latitude)).mean(space), rtol=1e-3, atol=1e-3):
        return "D2-1.unit"
    return "D2-1.gradient"


def separation_year(years: np.ndarray, difference: np.ndarray, sigma: float) -> int | None:
    """First year from which ``difference`` (K) exceeds 2 ``sigma`` (K) in that year and all later ones; None when it
    never does.
    """
    below = np.flatnonzero(difference <= 2 * sigma)
    first = 0 if below.size == 0 else below[-1] + 1
    return int(years[first]) if first < len(years) else None


def judge_separation_year(answer, rng: np.random.Generator) -> None:
    """Plant a separation in noise: once clean, once with early excursions, once from the first year, once never."""
    start = int(rng.integers(1900, 2000))
    years = np.arange(start, start + 120)
    sigma = rng.uniform(0.2, 0.6)
    planted = int(rng.integers(60, 90))
    clean = _difference(rng, sigma, planted)
    if _year(answer, years, clean, sigma) != years[planted]:
        raise NotYetError(_reason(answer, years, clean, sigma, planted))
    early = clean.copy()
    early[rng.choice(np.arange(5, planted - 5), size=4, replace=False)] = 3 * sigma
    if _year(answer, years, early, sigma) != years[planted]:
        raise NotYetError("D2-2.excursion")
    if _year(answer, years, np.full(years.size, 3 * sigma), sigma) != years[0]:
        raise NotYetError("D2-2.always")
    never = clean.copy()
    never[-1] = sigma
    if _year(answer, years, never, sigma) is not None:
        raise NotYetError("D2-2.never")


def _difference(rng: np.random.Generator, sigma: float, planted: int) -> np.ndarray:
    """120 values: below 2 sigma before index ``planted``, above it from there on.

    The last three early ones lie above 1 sigma, so that a threshold of 1 sigma is not mistaken for a year counted
    wrongly.
    """
    early = rng.uniform(-1.9, 1.9, size=planted) * sigma
    early[-3:] = rng.uniform(1.1, 1.9, size=3) * sigma
    late = rng.uniform(2.1, 5.0, size=120 - planted) * sigma
    return np.concatenate([early, late])


def _year(answer, years: np.ndarray, difference: np.ndarray, sigma: float) -> int | None:
    """What the answer returns, as an int; copies go in, so that an answer that writes in its arguments cannot mislead
    the judge.
    """
    found = answer(years.copy(), difference.copy(), sigma)
    if found is Ellipsis:
        raise NotYetError("check.nothing")
    if found is None:
        return None
    if np.ndim(found) != 0 or int(found) != found:
        raise NotYetError("D2-2.one_year")
    return int(found)


def _reason(answer, years: np.ndarray, difference: np.ndarray, sigma: float, planted: int) -> str:
    """The hint for a wrong year on the clean case."""
    found = _year(answer, years, difference, sigma)
    if found is None:
        return "D2-2.missed"
    if found == years[planted - 1]:
        return "D2-2.off_by_one"
    return "D2-2.threshold"


def annual_mean(monthly: xr.DataArray) -> xr.DataArray:
    """Mean per calendar year of ``monthly`` (dimension ``time``), each month counted with its number of days;
    dimension ``year``.
    """
    days = monthly.time.dt.days_in_month
    return (monthly * days).groupby("time.year").sum() / days.groupby("time.year").sum()


_CALENDARS = ("360_day", "noleap", "standard")


def judge_annual_mean(answer, rng: np.random.Generator) -> None:
    """Compare with the day-by-day mean in three calendars: a month's value holds on each of its days, so that mean is
    exact.
    """
    for calendar in _CALENDARS:
        start = int(rng.integers(1900, 2000))
        daily, monthly = _days_and_months(rng, start, calendar)
        exact = daily.groupby("time.year").mean()
        found = answer(monthly)
        _require_years(found, exact)
        if not np.allclose(found.values, exact.values, atol=1e-6):
            raise NotYetError("D2-3.months", calendar=calendar, found=float(found[0]), exact=float(exact[0]))


def _days_and_months(rng: np.random.Generator, start: int, calendar: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Five years of a seasonal cycle (°C): per day, constant within each month, and per month."""
    period = {"calendar": calendar, "use_cftime": True}
    months = xr.date_range(f"{start}-01-01", periods=60, freq="MS", **period)
    season = -rng.uniform(8, 14) * np.cos(2 * np.pi * (np.arange(60) % 12) / 12)
    monthly = xr.DataArray(10 + season + rng.normal(0, 2, 60), dims="time", coords={"time": months})
    last_day = 30 if calendar == "360_day" else 31
    days = xr.date_range(f"{start}-01-01", f"{start + 4}-12-{last_day}", freq="D", **period)
    return monthly.sel(time=days, method="ffill").assign_coords(time=days), monthly


def _require_years(found, exact: xr.DataArray) -> None:
    require_something(found)
    if not isinstance(found, xr.DataArray) or found.dims != ("year",):
        raise NotYetError("D2-3.shape")
    if not np.array_equal(found["year"], exact["year"]):
        raise NotYetError("D2-3.years")


EXERCISES = {
    "D2-1": Exercise(area_mean, judge_area_mean),
    "D2-2": Exercise(separation_year, judge_separation_year),
    "D2-3": Exercise(annual_mean, judge_annual_mean),
}
