"""Exercises of lesson H1, "Make your dataset findable"."""

from __future__ import annotations

import copy

import numpy as np
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF
from rdflib.term import Node

from . import Exercise, NotYetError
from .answers import require_something
from .h1_opinion import local_name
from .h1_records import (
    ACCESS,
    DCATAP,
    DEFECTS,
    HOLDERS,
    MANDATORY,
    PREFIXES,
    VCARD,
    access_as_text,
    add_fact,
    clear,
    contact_without_email,
    fact_sheet,
    full_record,
    no_contact,
)

_GONE = "left@gone.example"
_MISSING = (DCAT.theme, DCTERMS.accessRights, DCATAP.applicableLegislation, DCAT.contactPoint)


def complete(record: Graph, facts: dict) -> None:
    """Add theme, access rights, legislation and contact point to ``record``, as ``facts`` gives them."""
    for rule in _MISSING:
        add_fact(record, rule, facts)


def judge_complete(answer, rng: np.random.Generator) -> None:
    """Read the statements back, property by property; how they were made does not matter."""
    for _ in range(3):
        facts = _some_facts(rng)
        record = _without(facts, _MISSING)
        before = set(record)
        said = _call(answer, record, facts)
        if set(record) == before:
            raise NotYetError("check.nothing" if said is None or said is Ellipsis else "H1-1.unchanged")
        _require_addresses(record, facts)
        _require_contact(record, facts)
        if not before <= set(record):
            raise NotYetError("H1-1.lost")


def _some_facts(rng: np.random.Generator) -> dict:
    """A fact sheet nobody has seen: holder, dataset, access, theme, contact and law are drawn."""
    holder = HOLDERS[rng.integers(len(HOLDERS))]
    facts = fact_sheet(holder, int(rng.integers(100, 1000)), int(rng.integers(8)))
    facts["access"] = str(ACCESS[("RESTRICTED", "NON_PUBLIC")[rng.integers(2)]])
    facts["theme"] = facts["theme"].replace("HEAL", ("HEAL", "SOCI", "TECH")[rng.integers(3)])
    facts["legislation"] = facts["legislation"].replace("327", str(rng.integers(100, 999)))
    desk = f"desk{rng.integers(10, 99)}"
    facts["contact"] = {"name": f"Data desk {desk} of {holder}", "email": f"{desk}@{holder.lower()}.example"}
    return facts


def _without(facts: dict, rules: tuple[URIRef, ...]) -> Graph:
    record = full_record(facts)
    for rule in rules:
        clear(record, rule, facts)
    return record


def _call(answer, record: Graph, facts: dict) -> object:
    """Run the answer on ``record`` itself, which it changes, and on a copy of the facts, which it must not; what it
    returns does not matter, unless it did nothing at all.
    """
    return answer(record, copy.deepcopy(facts))


def _require_addresses(record: Graph, facts: dict) -> None:
    """Theme, access rights and legislation: exactly one value each, an address, and the one of the fact sheet."""
    for rule, key in zip(_MISSING, ("theme", "access", "legislation"), strict=False):
        found = list(record.objects(URIRef(facts["dataset"]), rule))
        name = local_name(rule)
        if not found:
            raise NotYetError("H1-1.missing", name=name)
        if not all(isinstance(node, URIRef) for node in found):
            raise NotYetError("H1-1.text", name=name)
        if found != [URIRef(facts[key])]:
            raise NotYetError("H1-1.value", name=name)


def _require_contact(record: Graph, facts: dict) -> None:
    contacts = list(record.objects(URIRef(facts["dataset"]), DCAT.contactPoint))
    if not contacts:
        raise NotYetError("H1-1.missing", name="contactPoint")
    if len(contacts) > 1 or isinstance(contacts[0], Literal) or str(contacts[0]).startswith("mailto:"):
        raise NotYetError("H1-1.contact_node")
    names = list(record.objects(contacts[0], VCARD.fn))
    emails = list(record.objects(contacts[0], VCARD.hasEmail))
    if len(names) != 1 or len(emails) != 1 or str(names[0]) != facts["contact"]["name"]:
        raise NotYetError("H1-1.contact_parts")
    if not isinstance(emails[0], URIRef) or str(emails[0]) != f"mailto:{facts['contact']['email']}":
        raise NotYetError("H1-1.mailto")


def repair(record: Graph, facts: dict) -> None:
    """Make every mandatory property of ``record`` say what ``facts`` says; leave the rest alone."""
    for rule in MANDATORY:
        clear(record, rule, facts)
        add_fact(record, rule, facts)


def judge_repair(answer, rng: np.random.Generator) -> None:
    """Spoil a record, with broken rules and with statements that break no rule and are false; compare what comes back
    with the fact sheet.
    """
    for _ in range(3):
        facts = _some_facts(rng)
        record = _spoiled(facts, rng)
        before = set(record)
        said = _call(answer, record, facts)
        if set(record) == before and (said is None or said is Ellipsis):
            raise NotYetError("check.nothing")
        _require_truth(record, facts)


def _spoiled(facts: dict, rng: np.random.Generator) -> Graph:
    """A record with three broken properties, a false but allowed access right, and a contact who has left."""
    record = full_record(facts)
    others = [spoil for spoil in DEFECTS if spoil not in (access_as_text, no_contact, contact_without_email)]
    for position in rng.choice(len(others), size=3, replace=False):
        others[position](record, facts)
    clear(record, DCTERMS.accessRights, facts)
    record.add((URIRef(facts["dataset"]), DCTERMS.accessRights, ACCESS.PUBLIC))
    clear(record, DCAT.contactPoint, facts)
    add_fact(record, DCAT.contactPoint, facts | {"contact": {"name": "Former desk", "email": _GONE}})
    return record


def _require_truth(record: Graph, facts: dict) -> None:
    dataset = URIRef(facts["dataset"])
    truth = full_record(facts)
    for rule in MANDATORY:
        found, wanted = _said(record, dataset, rule), _said(truth, dataset, rule)
        if not found:
            raise NotYetError("H1-2.missing", name=local_name(rule))
        if len(found) > len(wanted):
            raise NotYetError("H1-2.twice", name=local_name(rule))
        if set(found) != set(wanted):
            allowed = ACCESS.PUBLIC in found or _GONE in str(found)
            raise NotYetError("H1-2.allowed_but_false" if allowed else "H1-2.false", name=local_name(rule))
    if any(_GONE in str(node) for node in record.objects()):
        raise NotYetError("H1-2.remains")
    for rule in (RDF.type, DCTERMS.issued, DCAT.landingPage):
        if (dataset, rule, None) not in record:
            raise NotYetError("H1-2.lost", name=local_name(rule))


def _said(record: Graph, dataset: URIRef, rule: URIRef) -> list:
    """The values of one property; a described node counts as the set of what is said about it, whatever its name."""
    said: list = []
    for node in record.objects(dataset, rule):
        parts = frozenset((part, str(value)) for part, value in record.predicate_objects(node) if part != RDF.type)
        said.append(parts or node)
    return said


QUERY = """
    SELECT DISTINCT ?dataset WHERE {
        ?dataset dcat:keyword ?keyword .
        FILTER(CONTAINS(LCASE(STR(?keyword)), LCASE(?word)))
        FILTER NOT EXISTS { ?dataset dcat:contactPoint/vcard:hasEmail ?email }
    }
"""


def unreachable(catalogue: Graph, word: str) -> list[URIRef]:
    """Datasets in ``catalogue`` with ``word`` in a keyword (any language, any case) and no e-mail address of a contact
    point.
    """
    rows = catalogue.query(QUERY, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


def judge_unreachable(answer, rng: np.random.Generator) -> None:
    """Plant datasets of which each tests one thing, and look which of them come back."""
    word = ("asthma", "sepsis", "stroke")[rng.integers(3)]
    catalogue, planted = _planted(word, rng)
    answered = answer(Graph() + catalogue, word)
    found = _addresses(answered)
    wanted = {planted[name] for name in ("plain", "capital", "part", "no_email")}
    if not found & wanted:
        raise NotYetError("H1-3.nothing_found", word=word)
    for name in ("reachable", "other_word"):
        if planted[name] in found:
            raise NotYetError(f"H1-3.{name}", word=word)
    for name in ("plain", "capital", "part", "no_email"):
        if planted[name] not in found:
            raise NotYetError(f"H1-3.{name}", word=word)
    if found != wanted:
        raise NotYetError("H1-3.too_many")
    if len(list(answered)) != len(wanted):
        raise NotYetError("H1-3.twice")


def _planted(word: str, rng: np.random.Generator) -> tuple[Graph, dict[str, URIRef]]:
    """A catalogue with six telling datasets, and their addresses by what each tells."""
    cases: dict[str, tuple[list[Literal], str]] = {
        "plain": ([Literal(word, lang="en"), Literal(word, lang="nl")], "none"),
        "capital": ([Literal(word.capitalize(), lang="nl")], "none"),
        "part": ([Literal(f"severe {word} in children", lang="en")], "none"),
        "no_email": ([Literal(word, lang="en")], "no_email"),
        "reachable": ([Literal(word, lang="en")], "full"),
        "other_word": ([Literal("cohort", lang="en")], "none"),
    }
    catalogue, planted = Graph(), {}
    for name, (keywords, contact) in cases.items():
        facts = fact_sheet(HOLDERS[rng.integers(len(HOLDERS))], int(rng.integers(1000, 10**6)), 4)
        record = _without(facts, (DCAT.keyword, DCTERMS.title, DCTERMS.description))
        dataset = planted[name] = URIRef(facts["dataset"])
        for keyword in keywords:
            record.add((dataset, DCAT.keyword, keyword))
        if contact == "none":
            clear(record, DCAT.contactPoint, facts)
        if contact == "no_email":
            record.remove((record.value(dataset, DCAT.contactPoint), VCARD.hasEmail, None))
        catalogue += record
    return catalogue, planted


def _addresses(found) -> set[Node]:
    """The dataset addresses that an answer lists."""
    require_something(found)
    if not isinstance(found, list | tuple | set | frozenset) or not all(isinstance(item, str) for item in found):
        raise NotYetError("H1-3.list")
    return {URIRef(item) for item in found}


EXERCISES = {
    "H1-1": Exercise(complete, judge_complete),
    "H1-2": Exercise(repair, judge_repair),
    "H1-3": Exercise(unreachable, judge_unreachable),
}
