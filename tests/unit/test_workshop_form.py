"""The form of a workshop: what is written down comes back the same, and what is wrong is told at its field."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.settings import load
from hub.words import translator
from hub.workshops import form
from hub.workshops.catalogue import catalogue
from hub.workshops.model import Workshop
from tests.support.workbench import ROOT
from tests.unit.test_workshop_store import workshop

KNOWN = catalogue()
SAME = translator("en")
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
STARTS = st.datetimes(datetime(2027, 4, 1), datetime(2027, 9, 30)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)


@st.composite
def workshops(draw: st.DrawFn) -> Workshop:
    people = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    starts = draw(STARTS)
    title = draw(st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=40))
    join = st.fixed_dictionaries({"limit": st.none() | st.integers(1, 9), "temporary_accounts": st.booleans()})
    gpus = st.fixed_dictionaries({"gpu_class": st.just("h200"), "devices": st.integers(1, 9) | st.just("enough")})
    return Workshop.model_validate(
        {
            "id": "one",
            "title": {"en": title, "nl": draw(st.sampled_from([title, "Een klas"]))},
            "starts": starts.isoformat(" ", "minutes"),
            "ends": (starts + timedelta(minutes=draw(st.integers(1, 3000)))).isoformat(" ", "minutes"),
            "place": draw(st.sampled_from(["", "Zaal <3>, “Noord”"])),
            "trainers": people[:1],
            "learners": people[1:],
            "roster": [{"name": "Ann", "email": "ann@example.nl"}] if draw(st.booleans()) else [],
            "seats": draw(st.integers(7, 10_000)),
            "profile": draw(st.sampled_from(["small", "medium"])),
            "gpus": draw(st.none() | gpus),
            "lessons": draw(st.lists(st.sampled_from(sorted(KNOWN.lessons)), min_size=1, max_size=5, unique=True)),
            "timetable": draw(st.none() | st.just("taster")),
            "programme": draw(st.none() | st.just("ained")),
            "retention": f"{draw(st.integers(0, 400))}d",
            "join": draw(st.none() | join),
        }
    )


@given(workshops())
def test_a_workshop_comes_back_from_its_form_the_same(written: Workshop) -> None:
    fields = form.fields_of(written)
    found, mistakes = form.read(form.declared(fields, "one", written, KNOWN), SAME)
    assert mistakes == {}
    assert found == written


def test_a_new_form_needs_no_more_than_a_title() -> None:
    fields = form.blank("trainer", load(ROOT / "werkbank.yaml").profiles[0], datetime(2027, 1, 1, 9, 7))
    assert form.asked(fields, KNOWN, SAME)[1] == {}
    assert form.read(form.declared(fields, "one", None, KNOWN), SAME)[1] == {"title": "What is it called?"}
    found, mistakes = form.read(form.declared(fields | {"title": "One"}, "one", None, KNOWN), SAME)
    assert mistakes == {}
    assert found is not None
    assert found.window.seconds == 3 * 3600


def test_the_lessons_of_a_timetable_are_taken_where_none_are_named() -> None:
    fields = form.fields_of(workshop()) | {"lessons": " ", "timetable": "taster"}
    assert form.declared(fields, "one", None, KNOWN)["lessons"] == ["S1", "R2"]


def test_the_next_time_is_a_week_later_for_people_who_are_not_known_yet() -> None:
    fields = form.next_time(workshop(learners=["ann"], roster=[{"name": "A", "email": "a@x.nl"}]))
    found, _ = form.read(form.declared(fields, "two", None, KNOWN), SAME)
    assert found is not None
    assert (found.learners, found.roster, f"{found.starts:%d %H:%M}") == ((), (), "04 01:30")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("seats", "many", "“many” is not a whole number."),
        ("seats", "", "“” is not a whole number."),
        ("seats", "0", "It must be at least 1."),
        ("seats", "1000000", "It can be at most 10000."),
        ("starts", "soon", "“soon” is no date and time that clocks here show; write it as 2027-01-14 14:00."),
        ("starts", "", "“” is no date and time that clocks here show; write it as 2027-01-14 14:00."),
        ("ends", "2027-03-28T01:00", "It ends at 2027-03-28 01:00, which is not after it starts."),
        ("ends", "2028-03-28T01:00", "It takes longer than 31 days; make it two."),
        ("trainers", " , ", "There can be at least"),
        ("learners", "trainer", "Trainer cannot be trainer and learner at once."),
        ("learners", "x" * 65, "It can have at most 64 characters."),
        ("lessons", "s1, ../x", "Name at least one lesson, such as S1."),
        ("lessons", "", "Name at least one lesson, such as S1."),
        ("retention", "-1", "How many days? A number, such as 30."),
        ("title", "x" * 201, "It can have at most 200 characters."),
        ("place", "x" * 201, "It can have at most 200 characters."),
    ],
)
def test_what_is_wrong_is_told_at_its_field(field: str, value: str, sentence: str) -> None:
    if field == "trainers":
        sentence = "Name at least one trainer, by user name."
    fields = form.fields_of(workshop()) | {field: value}
    found, mistakes = form.read(form.declared(fields, "one", None, KNOWN), SAME)
    assert found is None
    assert mistakes == {field: sentence}


def test_mistakes_are_told_in_dutch_too() -> None:
    fields = form.fields_of(workshop()) | {"seats": "veel", "ends": "2027-03-28T01:00"}
    _, mistakes = form.read(form.declared(fields, "one", None, KNOWN), translator("nl"))
    assert mistakes == {"seats": "“veel” is geen geheel getal."}
    fields["seats"] = "5"
    _, mistakes = form.read(form.declared(fields, "one", None, KNOWN), translator("nl"))
    assert mistakes == {"ends": "Hij eindigt op 2027-03-28 01:00 en dat is niet na het begin."}


@pytest.mark.parametrize(
    ("title", "id"),
    [
        ("GPU's voor beginners", "gpu-s-voor-beginners"),
        ("Één dag <b>", "een-dag-b"),
        ("数据", "workshop"),
        ("new", "new-2"),
        ("x" * 100, "x" * 26),
        ("Taken", "taken-2"),
    ],
)
def test_a_short_name_is_made_of_the_title_and_is_free(title: str, id: str) -> None:
    assert form.id_for(title, frozenset({"taken"})) == id


@given(st.text(max_size=80), st.sets(st.sampled_from(["a", "a-2", "workshop"])))
def test_a_made_name_is_always_one_that_a_workshop_can_have(title: str, taken: set[str]) -> None:
    made: Any = form.id_for(title, frozenset(taken))
    assert made not in taken
    assert workshop(made).id == made
