"""Lesson H1: its judges know right from wrong however it is written, and its numbers hold for other catalogues too."""

from __future__ import annotations

import importlib.util
from collections import Counter

import pytest
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF
from werkbank_lessons.checks import check
from werkbank_lessons.exercises import exercise
from werkbank_lessons.exercises.h1_opinion import RECORDED, our_names, second_opinion
from werkbank_lessons.exercises.h1_records import (
    ACCESS,
    DEFECTS,
    FACTS,
    HOLDERS,
    MANDATORY,
    TEMPLATE,
    VCARD,
    add_fact,
    full_record,
    make_catalogue,
)

from tutorials.build import variants
from tutorials.build.catalogue import read_expected
from tutorials.build.notebooks import lesson_cells

from .lesson_support import judged

EXERCISES = ["H1-1", "H1-2", "H1-3"]


@pytest.fixture(scope="module")
def lesson():
    """What the setup cells of the lesson define, above all its SHACL rules."""
    names: dict = {}
    for cell in variants.setup(lesson_cells("H1", "en")):
        exec(cell.text, names)
    return names


@pytest.mark.parametrize("seed", range(5))
def test_a_completion_with_addresses_for_things_and_typed_text_passes_too(seed):
    def mine(record, facts):
        dataset, contact = URIRef(facts["dataset"]), URIRef(facts["dataset"] + "#contact")
        record.set((dataset, DCAT.contactPoint, contact))
        record.set((contact, VCARD.hasEmail, URIRef("mailto:" + facts["contact"]["email"])))
        record.set((contact, VCARD.fn, Literal(facts["contact"]["name"], lang="en")))
        for rule, key in zip(MANDATORY[4:7], ("theme", "access", "legislation"), strict=True):
            record.set((dataset, rule, URIRef(facts[key])))

    assert judged("H1-1", mine, seed) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_repair_that_removes_only_what_is_untrue_passes_too(seed):
    def mine(record, facts):
        dataset, truth = URIRef(facts["dataset"]), full_record(facts)
        for rule in MANDATORY:
            for node in list(record.objects(dataset, rule)):
                record.remove((dataset, rule, node))
                if isinstance(node, BNode):
                    record.remove((node, None, None))
            for node in truth.objects(dataset, rule):
                record.add((dataset, rule, node))
                for part, value in truth.predicate_objects(node):
                    record.add((node, part, value))

    assert judged("H1-2", mine, seed) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_search_without_sparql_passes_too(seed):
    def mine(catalogue, word):
        found = set()
        for dataset, keyword in catalogue.subject_objects(DCAT.keyword):
            contact = catalogue.value(dataset, DCAT.contactPoint)
            if word in keyword.lower() and (contact is None or catalogue.value(contact, VCARD.hasEmail) is None):
                found.add(str(dataset))
        return found

    assert judged("H1-3", mine, seed) is None


def mutations():
    return [(cell, cell.exercise) for cell, _ in variants.mutations(lesson_cells("H1", "en"))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("cell", "ex_id"), mutations(), ids=lambda part: getattr(part, "lid", ""))
def test_every_wrong_answer_gets_its_own_hint(lesson, cell, ex_id, seed):
    names = dict(lesson)
    exec(cell.text, names)
    (answer,) = (value for name, value in names.items() if name.startswith("my_"))
    key = judged(ex_id, answer, seed)
    assert key is not None
    if hint := cell.more.get("hint"):
        assert key == hint


@pytest.mark.parametrize("ex_id", EXERCISES)
@pytest.mark.parametrize(
    "bad",
    [
        lambda *given: [float("nan")] * 4,
        lambda record, other: record.remove((None, None, None)),
        lambda record, other: record.add((URIRef("urn:x"), DCAT.theme, Literal(""))),
        lambda record, other: other.clear(),
    ],
)
def test_an_answer_of_a_kind_like_the_right_one_is_told_so(ex_id, bad, capsys):
    check(ex_id, bad)
    assert f"◔ {ex_id}: not yet." in capsys.readouterr().out


def test_an_answer_that_changes_the_facts_is_still_held_to_them():
    def lying(record, facts):
        facts["access"] = str(ACCESS.PUBLIC)
        exercise("H1-1").reference(record, facts)

    assert judged("H1-1", lying, 1) == "H1-1.value"


def test_our_rules_find_each_defect_and_nothing_in_a_right_record(lesson):
    assert lesson["violations"](full_record(FACTS)) == set()
    for spoil in DEFECTS:
        record = full_record(FACTS)
        spoil(record, FACTS)
        assert len(lesson["violations"](record)) == 1, spoil.__name__


def test_default_values_are_valid_which_is_the_point(lesson):
    assert lesson["violations"](full_record(FACTS | TEMPLATE)) == set()


def test_our_rules_require_what_the_table_lists(lesson):
    empty = Graph()
    empty.add((URIRef(FACTS["dataset"]), RDF.type, DCAT.Dataset))
    assert {rule for _, rule in lesson["violations"](empty)} == set(MANDATORY)
    assert len(our_names()) == read_expected("H1")["required_ours"].value


@pytest.mark.parametrize("seed", [1, 2, 2026])
def test_the_numbers_of_the_catalogue_hold_for_other_seeds(lesson, seed):
    broken = lesson["violations"](make_catalogue(seed))
    holders = {str(dataset): next(name for name in HOLDERS if name.lower() in dataset) for dataset, _ in broken}
    habits = Counter((holders[str(dataset)], rule) for dataset, rule in broken).most_common(8)
    repaired = {habit for habit, _ in habits}
    left = {dataset for dataset, rule in broken if (holders[str(dataset)], rule) not in repaired}
    found = {
        "violations": len(broken),
        "valid": 200 - len({dataset for dataset, _ in broken}),
        "valid_after": 200 - len(left),
    }
    for name, value in found.items():
        number = read_expected("H1")[name]
        assert value == pytest.approx(number.value, abs=number.tolerance), name


def test_nobody_in_the_records_can_exist():
    for node in make_catalogue(0, each=3).objects():
        text = str(node)
        if "@" in text:
            assert text.startswith("mailto:")
            assert text.endswith(".example")


def test_facts_are_stated_once_and_read_back():
    record = Graph()
    add_fact(record, DCTERMS.identifier, FACTS)
    assert list(record.objects()) == [Literal(FACTS["identifier"])]


def test_the_recorded_opinion_says_that_it_is_one():
    assert RECORDED.recorded == "2026-11-26"
    assert RECORDED.required - our_names() == {"healthCategory"}
    if importlib.util.find_spec("sempyro") is None:
        assert second_opinion(FACTS) is RECORDED


@pytest.mark.skipif(importlib.util.find_spec("sempyro") is None, reason="SeMPyRO is not installed here")
def test_sempyro_still_says_what_was_recorded():
    opinion = second_opinion(FACTS)
    assert (opinion.required, opinion.missing) == (RECORDED.required, RECORDED.missing)
    assert opinion.recorded is None
