"""Exercise checks judge behaviour: they accept every right answer, refuse the usual wrong ones, and never stop a
lesson.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from werkbank_lessons import words
from werkbank_lessons.checks import ExerciseFailedError, check, progress_path, use
from werkbank_lessons.exercises import NotYetError, exercise
from werkbank_lessons.words import tr

from tutorials.build.catalogue import lessons, read_entry

EXERCISES = [one.id for lesson in lessons() for one in read_entry(lesson).exercises]


def refused(ex_id, answer, seed):
    with pytest.raises(NotYetError) as reason:
        exercise(ex_id).judge(answer, np.random.default_rng(seed))
    return reason.value.key


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ex_id", EXERCISES)
def test_the_reference_always_passes(ex_id, seed):
    exercise(ex_id).judge(exercise(ex_id).reference, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(20))
def test_an_area_mean_written_another_way_passes_too(seed):
    def by_hand(field):
        weights = np.cos(field.latitude * np.pi / 180)
        return (field.mean("longitude") * weights).sum("latitude") / weights.sum()

    exercise("D2-1").judge(by_hand, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(20))
def test_a_separation_year_written_as_a_loop_passes_too(seed):
    def backwards(years, difference, sigma):
        found = None
        for year, value in zip(years[::-1], difference[::-1], strict=True):
            if value <= 2 * sigma:
                break
            found = year
        return found

    exercise("D2-2").judge(backwards, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_an_annual_mean_over_days_passes_too(seed):
    def through_groups(monthly):
        return monthly.groupby("time.year").map(lambda year: year.weighted(year.time.dt.days_in_month).mean())

    exercise("D2-3").judge(through_groups, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(20))
def test_equal_weights_and_degrees_get_their_own_hint(seed):
    space = ("latitude", "longitude")
    assert refused("D2-1", lambda field: field.mean(space), seed) == "D2-1.equal"
    assert refused("D2-1", lambda field: field.weighted(np.cos(field.latitude)).mean(space), seed) == "D2-1.unit"
    assert refused("D2-1", lambda field: 1.0, seed) == "D2-1.shape"


@pytest.mark.parametrize("seed", range(20))
def test_the_first_crossing_is_not_a_separation(seed):
    key = refused("D2-2", lambda years, difference, sigma: int(years[difference > 2 * sigma][0]), seed)
    assert key == "D2-2.excursion"


def test_an_answer_that_changes_its_arguments_cannot_mislead_the_judge():
    def cheating(years, difference, sigma):
        difference[:] = 0
        return int(years[0])

    assert refused("D2-2", cheating, 1).startswith("D2-2")


def test_answers_cannot_be_fitted_because_every_check_draws_new_cases():
    seen = []

    def remembering(years, difference, sigma):
        seen.append((int(years[0]), sigma))

    for _ in range(5):
        use("D2-2", remembering)
    assert len(set(seen)) > 1


@pytest.mark.parametrize("ex_id", EXERCISES)
@pytest.mark.parametrize("unfinished", [None, ..., lambda *arguments: None, lambda *arguments: ...])
def test_an_unfinished_answer_is_kindly_told_so_and_the_lesson_goes_on(ex_id, unfinished, capsys):
    check(ex_id, unfinished)
    expected = tr(
        "D2-2.missed" if ex_id == "D2-2" and callable(unfinished) and unfinished() is None else "check.nothing"
    )
    assert expected in capsys.readouterr().out
    assert use(ex_id, unfinished) is exercise(ex_id).reference


@pytest.mark.parametrize("ex_id", EXERCISES)
def test_an_answer_that_crashes_is_reported_not_raised(ex_id, capsys):
    def broken(*arguments):
        raise ZeroDivisionError("by accident")

    check(ex_id, broken)
    assert "ZeroDivisionError: by accident" in capsys.readouterr().out


@pytest.mark.parametrize("ex_id", EXERCISES)
def test_a_right_answer_is_used_as_it_is(ex_id, capsys):
    def mine(*arguments):
        return exercise(ex_id).reference(*arguments)

    assert use(ex_id, mine) is mine
    assert capsys.readouterr().out == ""


def test_strict_mode_raises_so_that_a_rehearsal_sees_it(monkeypatch):
    monkeypatch.setenv("WERKBANK_STRICT", "1")
    with pytest.raises(ExerciseFailedError, match="all rows count equally"):
        check("D2-1", lambda field: field.mean(("latitude", "longitude")))


def test_progress_holds_what_happened_and_no_code():
    check("D2-1", None)
    check("D2-1", exercise("D2-1").reference)
    events = [json.loads(line) for line in progress_path().read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events] == ["tried", "passed"]
    assert all(set(event) == {"at", "exercise", "event", "language"} for event in events)


def test_a_disk_that_refuses_does_not_stop_the_lesson(tmp_path, capsys):
    (tmp_path / "werkbank").write_text("a file where a folder should be")
    check("D2-1", exercise("D2-1").reference)
    out = capsys.readouterr().out
    assert "was not saved" in out
    assert "✔" in out


def test_an_unknown_exercise_is_named():
    for unknown in ("D2-9", "Y999-1", ""):
        with pytest.raises(KeyError, match="there is no exercise"):
            check(unknown, None)


def test_hints_never_contain_the_answer():
    for language in words.LANGUAGES:
        for key, hint in words._words(language).items():
            if key.startswith("D2-"):
                assert not any(code in hint for code in ("np.", "deg2rad", "days_in_month", "flatnonzero", "weighted("))


def test_a_constant_keeps_its_value_under_the_reference():
    field = xr.DataArray(
        np.full((1, 3, 2), 7.0), dims=("time", "latitude", "longitude"), coords={"latitude": [0.0, 30.0, 60.0]}
    )
    assert float(exercise("D2-1").reference(field)[0]) == pytest.approx(7.0)
