"""`werkbank bench workshops` for real, with few people."""

from hub.bench.workshops.run import GOALS, Plan, run
from tests.support.workbench import ROOT


def test_a_class_rooms_and_the_answer_whether_it_fits_are_measured() -> None:
    told: list[str] = []
    few = {"learners": 2, "within": 1.0, "rooms": 1, "seats": 2, "seconds": 2.0, "reservations": 6, "leases": 100}

    report = run(Plan(ROOT / "werkbank.yaml", **few), told.append)  # type: ignore[arg-type]

    assert (report["join"]["there"], report["join"]["lost"]) == (2, [])
    found = {name: value for part in ("join", "room", "fits") for name, value in report[part].items()}
    missing = {name for name in GOALS if not found[name]} - ({"first_paint_ms"} if "left_out" in found else set())
    assert missing == set()
    assert "Would it fit, beside 6 reservations?" in told
