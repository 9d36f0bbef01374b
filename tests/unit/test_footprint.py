"""From energy to CO2e and water: what is missing stays missing, and nothing is counted twice."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.footprint import MILLIJOULES_PER_KWH, Footprint, footprint
from hub.settings.model import Co2e, FootprintFactors, Pue, Water

PUE = Pue(value=1.3, year=2024, source="report")
CO2E = Co2e(value=268, year=2023, source="table", method="location")
WATER = Water(value=0.5, year=2024, source="report")


def figures(kind: type, least: float, most: float, **more: str) -> st.SearchStrategy[object]:
    """A factor of that kind with some value, or none."""
    return st.none() | st.floats(least, most).map(lambda value: kind(value=value, year=2024, source="s", **more))


energies = st.floats(0, 1e15) | st.integers(0, 10**15)
factors = st.builds(
    FootprintFactors,
    pue=figures(Pue, 1, 10),
    co2e=figures(Co2e, 0, 5000, method="market"),
    water=figures(Water, 1e-6, 100),
)


def test_an_hour_of_a_gpu_at_seven_hundred_watts() -> None:
    told = footprint(700 * 3600 * 1000, FootprintFactors(pue=PUE, co2e=CO2E, water=WATER))
    assert told.gpu_kwh == pytest.approx(0.7)
    assert told.site_kwh == pytest.approx(0.91)
    assert told.co2e_grams == pytest.approx(243.88)
    assert told.water_litres == pytest.approx(0.35), "WUE counts per kWh of IT equipment, not of the site"


def test_without_a_pue_emissions_are_of_the_gpus_alone() -> None:
    told = footprint(MILLIJOULES_PER_KWH, FootprintFactors(co2e=CO2E))
    assert told == Footprint(gpu_kwh=1, site_kwh=None, co2e_grams=268, water_litres=None)


def test_electricity_that_emits_nothing_is_a_fact_and_no_gap() -> None:
    nothing = Co2e(value=0, year=2024, source="contract", method="market")
    assert footprint(MILLIJOULES_PER_KWH, FootprintFactors(co2e=nothing)).co2e_grams == 0


@given(factors)
def test_what_nobody_measured_costs_nothing_that_is_known(factors: FootprintFactors) -> None:
    assert footprint(None, factors) == Footprint(None, None, None, None)


@given(energies, factors)
def test_a_number_is_there_where_its_factor_is_and_nowhere_else(energy: float, factors: FootprintFactors) -> None:
    told = footprint(energy, factors)
    assert told.gpu_kwh is not None
    assert (told.site_kwh is None) == (factors.pue is None)
    assert (told.co2e_grams is None) == (factors.co2e is None)
    assert (told.water_litres is None) == (factors.water is None)
    assert all(number >= 0 and math.isfinite(number) for number in vars(told).values() if number is not None)


@given(energies, energies, factors)
def test_two_uses_cost_together_what_each_costs(one: float, other: float, factors: FootprintFactors) -> None:
    apart = [vars(footprint(energy, factors)) for energy in (one, other)]
    for name, together in vars(footprint(one + other, factors)).items():
        if together is None:
            assert [each[name] for each in apart] == [None, None]
        else:
            assert together == pytest.approx(sum(each[name] for each in apart))


@given(energies, factors)
def test_a_site_takes_no_less_than_its_gpus(energy: float, factors: FootprintFactors) -> None:
    told = footprint(energy, factors)
    assert told.site_kwh is None or told.gpu_kwh is None or told.site_kwh >= told.gpu_kwh


@given(energies, factors)
def test_water_does_not_depend_on_what_the_facility_adds(energy: float, factors: FootprintFactors) -> None:
    without = factors.model_copy(update={"pue": None})
    assert footprint(energy, factors).water_litres == footprint(energy, without).water_litres


@pytest.mark.parametrize("energy", [-1, -math.inf, math.inf, math.nan])
def test_an_energy_that_cannot_be_is_refused_by_its_value(energy: float) -> None:
    with pytest.raises(ValueError, match=f"an energy is 0 mJ or more, not {energy}"):
        footprint(energy, FootprintFactors())
