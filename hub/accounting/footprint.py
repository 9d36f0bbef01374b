"""From the energy that GPUs took to kilowatt-hours of the site, CO2e and water.

    kWh of the site = kWh of the GPUs × PUE
    grams of CO2e   = kWh of the site × grams per kWh
    litres          = kWh of the GPUs × WUE      (WUE counts per kWh of IT equipment)

Left out, and to be said wherever such a number is shown: the rest of the machine (CPU, memory, disks), and what the
making of the hardware cost. What was not measured or not reported is None, never 0.
"""

import math
from dataclasses import dataclass

from hub.settings.model import FootprintFactors

MILLIJOULES_PER_KWH = 3.6e9


@dataclass(frozen=True)
class Footprint:
    """What some use of GPUs cost."""

    gpu_kwh: float | None
    """Energy of the GPUs themselves; None where nothing was measured."""
    site_kwh: float | None
    """The same with what the facility adds; None where nothing was measured or the site reports no PUE."""
    co2e_grams: float | None
    """Grams of CO2 equivalent; of the GPUs alone where the site reports no PUE."""
    water_litres: float | None


def footprint(energy_mj: float | None, factors: FootprintFactors) -> Footprint:
    """What `energy_mj` millijoules of GPUs cost at a site with these factors; None for energy nobody measured.

    Raises ValueError for an energy that is negative, or no number.
    """
    if energy_mj is None:
        return Footprint(None, None, None, None)
    if not math.isfinite(energy_mj) or energy_mj < 0:
        raise ValueError(f"an energy is 0 mJ or more, not {energy_mj}")
    gpu = energy_mj / MILLIJOULES_PER_KWH
    site = gpu * factors.pue.value if factors.pue else None
    return Footprint(
        gpu_kwh=gpu,
        site_kwh=site,
        co2e_grams=(gpu if site is None else site) * factors.co2e.value if factors.co2e else None,
        water_litres=gpu * factors.water.value if factors.water else None,
    )
