"""Leases and seats are cut at midnights, and nothing is lost or found twice."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.ledger import summed
from hub.accounting.model import DAY, NAMES, Amounts, Holding, LeaseFacts, Measured, Piece
from hub.accounting.months import PARTS, date_of, day_of, first_day, first_day_of_part, month_name, month_of, part_of
from hub.accounting.pieces import by_day, lesson_of, pieces_of, seat_pieces
from hub.accounting.tables import FIRST_PART, FIRST_QUARTER

MIDNIGHT = day_of(date_of(20_453)) * DAY
"""2025-12-31 00:00 UTC; the next midnight begins a month and a year."""

moments = st.floats(MIDNIGHT - 3 * DAY, MIDNIGHT + 3 * DAY)
lengths = st.floats(0, 3 * DAY)
holdings = st.lists(
    st.builds(
        lambda device, start, long: Holding(f"GPU-{device}", start, start + long), st.integers(0, 3), moments, lengths
    ),
    max_size=5,
)
measured = st.lists(
    st.builds(
        lambda device, day, mj: Measured(f"GPU-{device}", int(MIDNIGHT // DAY) + day, mj, mj / 100),
        st.integers(0, 4),
        st.integers(-4, 6),
        st.floats(0, 1e9),
    ),
    max_size=4,
)


def facts(**more: object) -> LeaseFacts:
    """Two hours on a GPU, over midnight."""
    basic: dict[str, object] = {
        "id": "one",
        "user": "ada",
        "programme": "ained",
        "gpu_class": "big",
        "requested": MIDNIGHT + DAY - 3700,
        "until": MIDNIGHT + DAY + 3600,
        "held_seconds": 7200.0,
        "busy_seconds": 1800.0,
    }
    return LeaseFacts(**(basic | more))  # type: ignore[arg-type]


leases = st.builds(
    lambda requested, long, held, busy, ended: facts(
        requested=requested, until=requested + long, held_seconds=held, busy_seconds=held * busy, has_ended=ended
    ),
    moments,
    lengths,
    st.one_of(st.just(0.0), st.floats(1e-3, 1e7)),
    st.floats(0, 1),
    st.booleans(),
)


@given(leases, holdings, measured)
def test_pieces_add_up_to_the_lease(lease: LeaseFacts, held: list[Holding], taken: list[Measured]) -> None:
    made = pieces_of(lease, held, taken)
    whole = sum((piece.amounts for piece in made), Amounts())
    assert whole.held_seconds == pytest.approx(lease.held_seconds)
    assert whole.busy_seconds == pytest.approx(lease.busy_seconds)
    assert whole.energy_mj == pytest.approx(sum(part.mj for part in taken))
    assert whole.measured_seconds == pytest.approx(sum(part.seconds for part in taken))
    assert whole.leases == (lease.held_seconds > 0 or lease.has_ended)


@given(leases, holdings)
def test_no_piece_crosses_midnight_and_each_place_has_one(lease: LeaseFacts, held: list[Holding]) -> None:
    made = pieces_of(lease, held)
    assert len({(piece.day, piece.device) for piece in made}) == len(made) > 0
    for piece in made:
        assert piece.day * DAY <= piece.start <= piece.end <= (piece.day + 1) * DAY


@given(moments, lengths)
def test_a_stretch_cut_by_day_has_no_gap(start: float, long: float) -> None:
    parts = list(by_day(start, start + long))
    assert parts[0][1] == start
    assert parts[-1][2] == start + long
    assert all(one[2] == other[1] and one[0] + 1 == other[0] for one, other in pairwise(parts))


def test_a_lease_over_new_year_is_in_both_years() -> None:
    start = MIDNIGHT + DAY - 3600
    made = pieces_of(facts(), [Holding("GPU-0", start, start + 7200)])
    assert [month_name(month_of(piece.day)) for piece in made] == ["2025-12", "2026-01"]
    assert [piece.amounts.held_seconds for piece in made] == [3600, 3600]
    assert [piece.amounts.leases for piece in made] == [1, 0]


def test_a_wait_is_told_where_its_end_is_known() -> None:
    first = pieces_of(facts(), [Holding("GPU-0", MIDNIGHT + DAY - 3600, MIDNIGHT + DAY + 3600)])[0].amounts
    assert (first.waits, first.wait_seconds, first.wait_longest) == (1, 100, 100)
    assert (first.within_1m, first.within_15m, first.within_1h) == (0, 1, 1)
    forgotten = pieces_of(facts(), [])
    assert sum(piece.amounts.waits for piece in forgotten) == 0
    assert sum(piece.amounts.leases for piece in forgotten) == 1


def test_a_lease_without_a_gpu_is_unserved_once_it_ended() -> None:
    (piece,) = pieces_of(facts(held_seconds=0.0), [Holding("GPU-0", MIDNIGHT, MIDNIGHT + 9)])
    assert (piece.amounts.leases, piece.amounts.unserved, piece.device) == (1, 1, "")
    (piece,) = pieces_of(facts(held_seconds=0.0, busy_seconds=0.0, has_ended=False), [])
    assert piece.amounts == Amounts()


@given(moments, st.floats(1, 3 * DAY), st.one_of(st.none(), st.floats(0, 1e6)))
def test_pieces_of_a_seat_add_up(began: float, long: float, cpu: float | None) -> None:
    made = seat_pieces("seat-1", "ada", "", "small", began, began + long, cpu, False)
    whole = sum((piece.amounts for piece in made), Amounts())
    assert whole.seat_seconds == pytest.approx(long)
    assert whole.cpu_seconds == pytest.approx(cpu or 0.0)
    assert whole.cpu_measured_seconds == pytest.approx(0.0 if cpu is None else long)


@given(leases, holdings, st.lists(moments, min_size=1, max_size=4))
def test_parts_between_moments_add_up_to_the_whole(lease: LeaseFacts, held: list[Holding], cuts: list[float]) -> None:
    edges = [MIDNIGHT - 30 * DAY, *sorted(cuts), MIDNIGHT + 30 * DAY]
    for piece in pieces_of(lease, held):
        parts = [piece.within(low, high) for low, high in pairwise(edges)]
        whole = sum((part.amounts for part in parts if part), Amounts())
        assert whole.held_seconds == pytest.approx(piece.amounts.held_seconds)
        assert whole.leases == piece.amounts.leases


def test_what_is_outside_a_window_is_not_in_it() -> None:
    (piece,) = pieces_of(facts(), [Holding("GPU-0", MIDNIGHT, MIDNIGHT + 100)])
    assert piece.within(MIDNIGHT + 100, MIDNIGHT + 200) is None
    half = piece.within(MIDNIGHT + 50, MIDNIGHT + 200)
    assert half is not None
    assert half.amounts.held_seconds == pytest.approx(3600)
    assert half.amounts.leases == 0


@given(st.lists(st.tuples(leases, holdings), max_size=6))
def test_every_aspect_adds_up_to_the_same_by_part_by_month_and_by_year(
    some: list[tuple[LeaseFacts, list[Holding]]],
) -> None:
    made = [
        piece for number, (lease, held) in enumerate(some) for piece in pieces_of(replace(lease, id=str(number)), held)
    ]
    sums = summed(made)
    aspects = ("day", "user", "gpu_class", "device", "profile", "lesson")
    spans = (range(-3000, 0), range(FIRST_QUARTER), range(FIRST_QUARTER, FIRST_PART), range(FIRST_PART, 2 * FIRST_PART))
    for aspect, span in product(aspects, spans):
        mine = [amounts for key, amounts in sums.items() if key[1] == aspect and key[0] in span]
        whole = sum(mine, Amounts())
        assert whole.held_seconds == pytest.approx(sum(piece.amounts.held_seconds for piece in made))
        assert whole.leases == len([one for one, _held in some if one.held_seconds > 0 or one.has_ended])


@pytest.mark.parametrize(
    ("path", "lesson"),
    [
        ("tutorials/A1-surviving-run/surviving-run.en.ipynb", "A1"),
        ("/home/ada/tutorials/H3-algorithm-travels/x.ipynb", "H3"),
        ("work/tutorials.ipynb", ""),
        ("my-tutorials/A1-x.ipynb", ""),
        ("Dask 1234", ""),
    ],
)
def test_a_lesson_is_known_by_where_it_lies(path: str, lesson: str) -> None:
    assert lesson_of(path) == lesson


@given(st.integers(10_000, 60_000))
def test_days_and_months_fit_together(day: int) -> None:
    assert first_day(month_of(day)) <= day < first_day(month_of(day) + 1)
    assert first_day_of_part(part_of(day)) <= day < first_day_of_part(part_of(day) + 1)
    assert part_of(day) // PARTS == month_of(day)
    assert day_of(date_of(day)) == day


def test_the_longest_wait_of_two_is_the_longer() -> None:
    both = Amounts(wait_longest=5.0, waits=1) + Amounts(wait_longest=3.0, waits=2)
    assert (both.wait_longest, both.waits) == (5.0, 3)
    assert set(NAMES) >= {"held_seconds", "wait_longest"}
    assert isinstance(pieces_of(facts(), [])[0], Piece)
