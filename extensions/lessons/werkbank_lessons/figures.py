"""Drawing helpers of the lessons: one palette, an equal-area map, a coastline that needs no download."""

from __future__ import annotations

import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from IPython.display import display

# Okabe & Ito (2008): eight colours that people with a colour vision deficiency can tell apart.
OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}
INK, MUTED, LINE = "#14213D", "#4A5568", "#CBD2DC"


def use_house_style() -> None:
    """Set matplotlib's defaults for this kernel: quiet axes, readable on a projector."""
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "font.size": 12,
            "text.color": INK,
            "axes.edgecolor": LINE,
            "axes.labelcolor": INK,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
        }
    )


def show(figure, alt: str) -> None:
    """Display ``figure`` with ``alt`` as its text alternative, and close it.

    JupyterLab draws a plain image output without alt text; an HTML image carries it to a screen reader and into
    exports.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=2 * figure.dpi, bbox_inches="tight")
    plt.close(figure)
    source = base64.b64encode(buffer.getvalue()).decode()
    width = round(figure.get_figwidth() * figure.dpi)
    image = (
        f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{source}" style="width: {width}px; max-width: 100%">'
    )
    display({"text/html": image, "text/plain": alt}, raw=True)


def albers(longitude, latitude, *, parallels=(25.0, 50.0), centre=(-90.0, 37.5)):
    """Albers equal-area conic coordinates on the unit sphere, for degrees east and north (arrays that broadcast).

    ``parallels`` are the two latitudes without distortion, ``centre`` the longitude and latitude of the origin.
    Formulas: Snyder (1987), *Map Projections: A Working Manual*, USGS Professional Paper 1395, eqs. 14-1 to 14-6.
    """
    first, second = np.sin(np.deg2rad(parallels))
    n = (first + second) / 2
    c = 1 - first**2 + 2 * n * first
    theta = n * np.deg2rad(np.asarray(longitude) - centre[0])
    rho = np.sqrt(c - 2 * n * np.sin(np.deg2rad(np.asarray(latitude)))) / n
    rho_origin = np.sqrt(c - 2 * n * np.sin(np.deg2rad(centre[1]))) / n
    return rho * np.sin(theta), rho_origin - rho * np.cos(theta)


def draw_map(axes, field: xr.DataArray, **style):
    """Draw ``field`` (latitude × longitude, degrees; longitude 0–360 or ±180) cell by cell and return the mesh for a
    colour bar.
    """
    longitude = (_edges(field.longitude.values) + 180) % 360 - 180
    x, y = albers(*np.meshgrid(longitude, _edges(field.latitude.values)))
    mesh = axes.pcolormesh(x, y, field.values, rasterized=True, **style)
    axes.set(aspect="equal", xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    axes.set_axis_off()
    return mesh


def draw_coast(axes, ocean: xr.DataArray, box=(-140.0, -40.0, 10.0, 65.0), **style) -> None:
    """Draw the edge of an ocean model's sea mask as a coastline.

    ``ocean`` is a 2-D field on a curvilinear grid, NaN on land, with coordinates ``nav_lon`` and ``nav_lat`` in
    degrees; ``box`` is west, east, south, north. The line is as coarse as that model's grid (about 1°): for
    orientation, not for measuring.
    """
    longitude, latitude = ocean["nav_lon"].values, ocean["nav_lat"].values
    west, east, south, north = box
    inside = (longitude > west) & (longitude < east) & (latitude > south) & (latitude < north)
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x, y = albers(longitude[part], latitude[part])
    land = np.isnan(ocean.values[part]).astype(float)
    axes.contour(x, y, land, levels=[0.5], **style)


def _edges(centres: np.ndarray) -> np.ndarray:
    """Cell edges halfway between ``centres`` (1-D, evenly spaced), one more than there are centres."""
    half = np.diff(centres).mean() / 2
    return np.append(centres - half, centres[-1] + half)
