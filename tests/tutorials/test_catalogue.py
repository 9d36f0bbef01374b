"""The catalogue keeps its promises: valid, complete, and true to the lessons and the letter."""

from __future__ import annotations

import copy
import json
import sys

import pytest
from werkbank_lessons.data import names, path_of
from werkbank_lessons.exercises import exercise

from tutorials.build import catalogue, extras, manuals, shelf
from tutorials.build.catalogue import ROOT, Entry, lessons, read_claims, read_entry, read_expected
from tutorials.build.checking import findings
from tutorials.build.consistency import of_catalogue, of_entry, of_goals, of_minutes
from tutorials.build.extras import MissingExtrasError, distributions, python_for
from tutorials.build.headers import of_cells
from tutorials.build.refusals import CatalogueError
from tutorials.build.source import Cell, read_source
from tutorials.build.training_material import PROFILE, training_material


@pytest.fixture(params=lessons())
def entry(request):
    return read_entry(request.param)


@pytest.fixture
def raw():
    return catalogue.read_yaml(ROOT / "catalogue" / "D2.yaml")


def test_there_is_a_lesson():
    assert "D2" in lessons()


def test_the_catalogue_has_no_problem_that_can_be_seen_without_running():
    assert [finding.said for finding in findings()] == []


def test_every_section_says_how_long_it_takes(entry):
    headings = [cell for cell in read_source(entry.id) if cell.kind == "markdown" and cell.text.startswith("## ")]
    assert headings
    assert all("minutes" in cell.more and "{{section.minutes}}" in cell.text.splitlines()[0] for cell in headings)


def test_every_exercise_has_starter_solution_wrong_answer_check_and_judge(entry):
    cells = read_source(entry.id)
    for promised in entry.exercises:
        roles = [cell.role for cell in cells if cell.exercise == promised.id]
        assert (roles.count("exercise"), roles.count("solution"), roles.count("check")) == (1, 1, 1)
        assert "wrong" in roles
        assert exercise(promised.id).judge
    assert {cell.exercise for cell in cells if cell.exercise} == {promised.id for promised in entry.exercises}


def test_claims_are_literal_words_of_the_letter(entry):
    letter = " ".join(path_of("letter-ai-faciliteit.txt").read_text(encoding="utf-8").split())
    claims = read_claims()
    for name in entry.claims:
        assert claims[name].quote in letter


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("minutes", "exercises"), 99, "add up to"),
        (("naam",), "x", "catalogue/D2.yaml: naam: is not a key here; allowed are audience, claims, data"),
        (("minutes", "reading"), 5, "minutes.reading: is not a key here; allowed are exercises, read"),
        (("version",), "new", "version: String should match pattern .*found 'new'"),
        (("folder",), "../elsewhere", "folder: .*pattern"),
        (("measured", "cpu2_seconds"), 500, "measured.cpu2_seconds: .*less than or equal to 120 .found 500"),
        (("goals",), [], "goals: .*at least 3"),
        (("title",), {"en": "Only English"}, "title.nl: is missing"),
        (("track",), "scale-up", "track: Input should be 'start-here', .*'trainer' .found 'scale-up'"),
        (("audience",), ["dog"], "audience.0: Input should be 'researcher', .*found 'dog'"),
        (("measures",), ["urn:nl:ak:mtr:owk-99"], "measures.0: Input should be .*owk-07.*found 'urn:nl:ak:mtr:owk-99'"),
        (("data",), [{"name": "x", "source": "generated"}], "data.0.licence: is missing"),
        (("data",), [{"name": "x", "source": "generated"}], "personal_data: is missing; allowed are none, synthetic"),
        (("exercises", 1, "id"), "D2-1", "two exercises of D2 have the same id"),
        (("exercises", 1, "id"), "D3-2", "do not carry the id of lesson D2"),
    ],
)
def test_a_wrong_entry_is_refused_with_what_is_wrong(raw, path, value, said):
    wrong = copy.deepcopy(raw)
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(CatalogueError, match=said):
        catalogue.validated(Entry, wrong, "catalogue/D2.yaml")


def with_(entry, **more):
    return entry.model_copy(update=more)


@pytest.fixture
def d2():
    return with_(read_entry("D2"), next=[])  # so that it may stand alone


def before(*ids):
    return [catalogue.Prerequisite(id=one, importance="necessary") for one in ids]


def test_lessons_that_do_not_fit_each_other_are_told_with_file_and_key(d2):
    def said(**entries):
        return of_catalogue(entries)

    other = with_(d2, id="A1", folder="A1-other")
    assert said(D2=d2, A1=with_(other, next=["D2"], prerequisites=before("D2"))) == []
    assert said(A1=d2) == ["catalogue/A1.yaml: id is 'D2'; it is the name of the file"]
    assert "catalogue/X1.yaml: id 'D2' is also that of catalogue/D2.yaml" in said(D2=d2, X1=d2)
    assert "catalogue/A1.yaml: folder 'D2-two-futures' is also that of catalogue/D2.yaml" in said(
        D2=d2, A1=with_(d2, id="A1")
    )
    assert said(D2=with_(d2, next=["Z9"]), A1=other) == [
        "catalogue/D2.yaml: next: 'Z9' does not exist; allowed are A1, D2"
    ]
    assert said(D2=with_(d2, prerequisites=before("Z9"))) == [
        "catalogue/D2.yaml: prerequisites: 'Z9' does not exist; allowed are D2"
    ]


def test_a_circle_of_prerequisites_is_told_once(d2):
    ring = {
        one: with_(d2, id=one, folder=one, prerequisites=before(other))
        for one, other in [("A1", "B1"), ("B1", "C1"), ("C1", "A1"), ("D2", "A1")]
    }
    assert of_catalogue(ring) == [
        "catalogue/A1.yaml: prerequisites: go round in a circle, A1 after B1 after C1 after A1; take one away"
    ]
    assert "D2 after D2" in of_catalogue({"D2": with_(d2, prerequisites=before("D2"))})[0]


def test_a_file_that_lessons_do_not_carry_is_told_with_those_that_they_do(d2):
    def of(name):
        return with_(d2, data=[d2.data[0].model_copy(update={"source": f"file:{name}"})])

    assert of_entry(of(names()[0])) == []
    assert of_entry(of("secrets.txt")) == [
        f"catalogue/D2.yaml: data: 'secrets.txt' does not exist; allowed are {', '.join(names())}"
    ]


def test_claims_extras_and_libraries_that_do_not_exist_are_told_with_those_that_do(d2):
    assert of_entry(with_(d2, claims=["more-gold"])) == [
        f"catalogue/D2.yaml: claims: 'more-gold' does not exist; allowed are {', '.join(sorted(read_claims()))}"
    ]
    (said,) = of_entry(with_(d2, extras=["gold"]))
    assert said.startswith("catalogue/D2.yaml: extras: 'gold' does not exist; allowed are bio, energy, ")
    (said,) = of_entry(with_(d2, libraries=["rdkit"]))
    assert "'rdkit' is neither in the workbench's environment nor in the lesson's extras (none)" in said
    assert of_entry(with_(d2, libraries=["rdkit", "scikit-learn", "dask"], extras=["bio"])) == []


def test_a_goal_that_nobody_can_observe_is_told(d2):
    vague = catalogue.Text(en="Understand calendars.", nl="Bereken iets.")
    (said,) = of_goals(with_(d2, goals=[vague]))
    assert said.startswith("catalogue/D2.yaml: goals.0.en: begins with 'Understand'; allowed are the verbs in")


def test_minutes_that_do_not_add_up_are_told(d2):
    cells = [Cell("a", "markdown", "## A", more={"minutes": 12}), Cell("b", "markdown", "## B", more={"minutes": 11})]
    assert of_minutes(d2, cells) == ["catalogue/D2.yaml: minutes: promises 50; the sections of src/D2.py take 23"]
    for wrong in (13, 0, "ten"):
        (said,) = of_minutes(d2, [Cell("a", "markdown", "## A", more={"minutes": wrong})])
        assert said.startswith(f"src/D2.py: cell 'a': minutes is {wrong!r}; a section takes 1 to 12")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            Cell("a", "markdown", "x", more={"minuten": 3}),
            "there is no key 'minuten' (did you mean 'minutes'?); allowed",
        ),
        (Cell("a", "code", "1", tags=("setpu",)), "there is no tag 'setpu' (did you mean 'setup'?)"),
        (Cell("a", "code", "1", tags=("wrong",), exercise="D2-1"), 'a wrong answer needs hint="…"'),
        (
            Cell("a", "code", "1", tags=("wrong",), exercise="D2-1", more={"hint": "D2-1.no"}),
            "'D2-1.no' is in no words",
        ),
        (Cell("a", "code", "1", tags=("figure",)), 'a figure needs alt="…"'),
        (Cell("a", "code", "plt.subplots()"), 'draws; give it tags=["figure"]'),
        (Cell("a", "code", "1", more={"minutes": 3}), "minutes belong to the text cell"),
        (Cell("a", "markdown", "## A"), "opens a section; say how long it takes"),
        (Cell("a", "code", "1", tags=("check",), exercise="D2-9"), "exercise 'D2-9' is not in the catalogue; allowed"),
    ],
)
def test_a_mistake_in_a_header_is_told_with_its_cell(d2, cell, said):
    (found,) = [one for one in of_cells(d2, [*read_source("D2"), cell]) if "cell 'a'" in one]
    assert found.startswith("src/D2.py: cell 'a': ")
    assert said in found


def test_an_exercise_with_a_part_missing_is_told(d2):
    cells = [cell for cell in read_source("D2") if cell.role not in ("solution", "wrong") and "setup" not in cell.tags]
    found = of_cells(d2, cells)
    assert "src/D2.py: exercise D2-1: has 0 cells with the tag 'solution'; it needs one" in found
    assert "src/D2.py: exercise D2-3: has no wrong answer; write down the mistakes you expect" in found
    assert any("no cell has tags=" in one for one in found)


def test_a_catalogue_that_cannot_be_read_says_which_file(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "X1.yaml").write_text("id: [X1\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"catalogue/X1\.yaml: is no YAML"):
        read_entry("X1")
    with pytest.raises(CatalogueError, match="there is no lesson 'X2' in catalogue/; there are X1"):
        read_entry("X2")
    with pytest.raises(CatalogueError, match=r"expected/X1\.json: cannot be read"):
        read_expected("X1")


def test_numbers_are_shown_with_their_own_decimals_and_unit():
    from tutorials.build.frame import _shown

    def shown(value, unit, decimals=None, language="en"):
        label = catalogue.Text(en="x", nl="x")
        number = catalogue.Expectation(value=value, tolerance=0, unit=unit, decimals=decimals, label=label)
        return _shown(number, language)

    assert [shown(2051, "year"), shown(3, "count"), shown(94.5, "%")] == ["2051", "3", "94 %"]
    assert [shown(4.456, "K"), shown(94.5, "%", 1), shown(0.1234, "h", 3)] == ["4.46 K", "94.5 %", "0.123 h"]
    assert shown(4.456, "kg.m", 2, "nl") == "4,46 kg.m"


def test_training_material_follows_the_profile_and_the_catalogue(entry):
    material = json.loads(training_material(entry))
    assert material["dct:conformsTo"] == {"@type": "CreativeWork", "@id": PROFILE}
    assert {"name", "description", "keywords"} <= material.keys(), "what the profile demands"
    assert material["@type"] == "LearningResource"
    assert material["timeRequired"] == f"PT{entry.minutes.total}M"
    assert material["license"].endswith(entry.licence.text)
    assert material["teaches"] == [goal.en for goal in entry.goals]
    (dutch,) = material["workTranslation"]
    assert (dutch["inLanguage"], dutch["name"]) == ("nl", entry.title.nl)
    folder = ROOT / "notebooks" / entry.folder
    for work in (material, dutch):
        assert (folder / work["@id"]).is_file()
    assert (folder / "training-material.jsonld").read_text(encoding="utf-8") == training_material(entry)


def test_the_tables_for_people_are_those_of_today():
    for path, text in manuals.manuals().items():
        assert path.read_text(encoding="utf-8") == text, path
    assert all(f"| {lesson} | " in manuals.table() for lesson in lessons())


def test_without_its_marks_the_table_has_no_place(tmp_path, monkeypatch):
    monkeypatch.setattr(manuals, "README", tmp_path / "README.md")
    manuals.README.write_text("# Lessons\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md: the marks .* are gone"):
        manuals.manuals()


def test_the_shelf_knows_goals_and_what_each_extra_consists_of(d2, monkeypatch):
    monkeypatch.setattr(shelf, "lessons", lambda: ["D2"])
    monkeypatch.setattr(shelf, "read_entry", lambda _lesson: with_(d2, extras=["bio"]))
    shown = json.loads(shelf.shelf())
    assert shown["lessons"][0]["extras"] == ["bio"]
    assert len(shown["lessons"][0]["goals"]) == 3
    assert shown["extras"] == {"bio": distributions("bio")}
    assert {"rdkit", "scikit-learn"} <= set(shown["extras"]["bio"])


def test_extras_are_asked_for_by_name_and_never_torch_alone():
    assert "torch" in distributions("federated")
    assert "sempyro" not in {name for extra in extras.extras() if extra != "metadata" for name in distributions(extra)}
    assert "sempyro" not in extras.carried(), "it must never stand beside the hub"


def test_a_lesson_runs_in_the_python_that_has_its_extras(d2, tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(extras, "distributions", lambda _extra: ["no-such-distribution"])
    assert python_for(d2) == sys.executable
    with pytest.raises(MissingExtrasError, match=r"lesson D2 needs the extras bio.*lessons install bio"):
        python_for(with_(d2, extras=["bio"]))
    (tmp_path / extras.STAMP).write_text('{"extras": ["bio", "energy"]}')
    assert python_for(with_(d2, extras=["bio"])) == str(tmp_path / "bin" / "python")
    (tmp_path / extras.STAMP).write_text("half a li")
    assert extras.installed() == set()
