"""Periods: how they are asked for, what is in them, and what is refused."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.charts import axis_top
from hub.accounting.months import PART_DAYS, first_day, first_day_of_part
from hub.accounting.periods import BadPeriod, Period, choices, period_of
from hub.pages.filters import figures, hours, period, period_named

NOW = datetime(2026, 11, 26, 15, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "first", "last", "before"),
    [
        ("2026-11", date(2026, 11, 1), date(2026, 11, 30), "2026-10"),
        ("2026-01", date(2026, 1, 1), date(2026, 1, 31), "2025-12"),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "2024-01"),
        ("2026-Q1", date(2026, 1, 1), date(2026, 3, 31), "2025-Q4"),
        ("2026", date(2026, 1, 1), date(2026, 12, 31), "2025"),
    ],
)
def test_a_named_period_is_its_days(name: str, first: date, last: date, before: str) -> None:
    found = period_of(name, None, None, NOW)
    assert (found.first, found.last, found.name) == (first, last, name)
    assert found.before().name == before
    assert period_of("", first, last, NOW) == found


def test_left_out_it_is_this_month() -> None:
    assert period_of("", None, None, NOW).name == "2026-11"
    assert choices(NOW)[0] == "2026-11"
    assert {"2026-Q4", "2026", "2025-11"} <= set(choices(NOW))


def test_days_from_one_to_another_include_the_last() -> None:
    found = period_of("", date(2026, 11, 3), date(2026, 11, 5), NOW)
    assert found.end - found.start == 3
    assert found.before().last == date(2026, 11, 2)
    assert period_of("", None, date(2026, 11, 5), NOW).first == date(2026, 11, 1)
    assert period_of("", date(2026, 11, 20), None, NOW).last == date(2026, 11, 26)


@pytest.mark.parametrize(
    "name", ["2026-13", "2026-00", "2026-Q5", "november", "26-11", "2026-1", "0000", "9999", "2026-11-"]
)
def test_what_is_no_period_is_refused_with_what_is_one(name: str) -> None:
    with pytest.raises(BadPeriod, match="2026-11, 2026-Q4 or 2026"):
        period_of(name, None, None, NOW)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 11, 5), date(2026, 11, 3)),
        (date(1990, 1, 1), date(1990, 2, 1)),
        (date(2000, 1, 1), date(2026, 1, 1)),
        (date(2199, 1, 1), date(2200, 2, 1)),
        (None, date(1, 1, 1)),
        (date(9999, 12, 1), date(9999, 12, 30)),
    ],
)
def test_days_that_cannot_be_are_refused(first: date | None, last: date) -> None:
    with pytest.raises(BadPeriod):
        period_of("", first, last, NOW)


@given(st.integers(18_000, 22_000), st.integers(1, 800))
def test_whole_months_parts_of_months_and_the_rest_are_all_the_days(start: int, days: int) -> None:
    asked = Period(start, start + days, "")
    low, high = asked.months()
    covered = [day for one, other in asked.rest() for day in range(one, other)]
    assert len(covered) <= 2 * PART_DAYS, "so few days are told piece by piece"
    covered += range(first_day(low), first_day(high)) if low < high else ()
    covered += [day for part in asked.parts() for day in range(first_day_of_part(part), first_day_of_part(part + 1))]
    assert sorted(covered) == list(range(start, start + days))


@pytest.mark.parametrize(
    ("name", "english", "dutch"),
    [
        ("2026-11", "November 2026", "november 2026"),
        ("2026", "2026", "2026"),
        ("2026-Q4", "4th quarter 2026", "4e kwartaal 2026"),
    ],
)
def test_periods_are_said_in_the_readers_language(name: str, english: str, dutch: str) -> None:
    assert (period_named(name, "en"), period_named(name, "nl")) == (english, dutch)
    assert period(period_of(name, None, None, NOW), "en") == english


def test_days_are_said_from_one_to_another() -> None:
    assert period(period_of("", date(2026, 11, 3), date(2026, 11, 5), NOW), "nl") == "3 nov 2026 – 5 nov 2026"


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0"), (0.01234, "0.012"), (1.26, "1.3"), (1234, "1,200"), (98.6, "99"), (0.00000012, "0")]
)
def test_what_is_known_to_two_digits_is_shown_with_two(number: float, shown: str) -> None:
    assert figures(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(0.0, "0"), (0.044, "0.04"), (12.34, "12.3"), (1234.5, "1,234"), (99.96, "100")]
)
def test_hours_are_as_exact_as_one_reads_them(number: float, shown: str) -> None:
    assert hours(number) == shown


@given(st.floats(1e-6, 1e9))
def test_an_axis_ends_just_above_the_largest_value(most: float) -> None:
    assert most * 0.998 <= axis_top(most) <= 2 * most
