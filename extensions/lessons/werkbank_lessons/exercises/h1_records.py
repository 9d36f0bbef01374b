"""Fictional fact sheets and catalogue records of lesson H1, and what the lesson does with them by name.

Nobody here exists: the holders have names out of fairy tales and addresses under ``.example``, which no registry gives
out (RFC 2606). Classes, properties and cardinalities follow the Health-RI Core Metadata Schema v2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, SH
from rdflib.term import Node

ACCESS = Namespace("http://publications.europa.eu/resource/authority/access-right/")
DCATAP = Namespace("http://data.europa.eu/r5r/")
THEME = Namespace("http://publications.europa.eu/resource/authority/data-theme/")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
EHDS = URIRef("http://data.europa.eu/eli/reg/2025/327/oj")

# What a Turtle text or a SPARQL query may abbreviate.
PREFIXES = {"access": ACCESS, "dcat": DCAT, "dcatap": DCATAP, "dct": DCTERMS, "foaf": FOAF, "sh": SH, "vcard": VCARD}

# The properties that a dataset must have.
MANDATORY = (
    DCTERMS.title,
    DCTERMS.description,
    DCAT.keyword,
    DCTERMS.identifier,
    DCAT.theme,
    DCTERMS.accessRights,
    DCATAP.applicableLegislation,
    DCAT.contactPoint,
    DCTERMS.creator,
    DCTERMS.publisher,
)

HOLDERS = ("Zonnedal", "Maanwijk", "Sterrenhof", "Regenborg", "Wolkendam", "Nevelstein", "Schemerbeek", "Dageraad")

# Subjects in English and Dutch, with keywords as holders write them.
_SUBJECTS = (
    ("Type 2 diabetes", "Diabetes type 2", ("Diabetes mellitus type 2", "diabetes", "HbA1c")),
    ("Diabetes in pregnancy", "Zwangerschapsdiabetes", ("zwangerschapsdiabetes", "gestational diabetes")),
    ("Asthma", "Astma", ("astma", "asthma", "spirometry")),
    ("Heart failure", "Hartfalen", ("hartfalen", "heart failure", "echocardiography")),
    ("Breast cancer", "Borstkanker", ("borstkanker", "breast cancer", "survival")),
    ("Osteoarthritis", "Artrose", ("artrose", "osteoarthritis", "knee")),
    ("Depression", "Depressie", ("depressie", "depression", "PHQ-9")),
    ("Sepsis", "Sepsis", ("sepsis", "intensive care")),
)


def fact_sheet(holder: str = "Zonnedal", number: int = 17, subject: int = 0) -> dict:
    """What the holder knows to be true about one dataset: plain text and addresses, no RDF yet."""
    english, dutch, keywords = _SUBJECTS[subject]
    site = f"https://{holder.lower()}.example"
    hospital = {
        "name": f"{holder} Hospital (fictional)",
        "identifier": f"{holder.upper()}-01",
        "email": f"info@{holder.lower()}.example",
        "homepage": f"{site}/",
    }
    group = hospital | {"name": f"{holder} research group (fictional)", "identifier": f"{holder.upper()}-07"}
    return {
        "dataset": f"{site}/dataset/{number}",
        "identifier": f"{holder.upper()}-{number:03d}",
        "title": {"en": f"{english} in outpatients of {holder}", "nl": f"{dutch} op de polikliniek van {holder}"},
        "description": {
            "en": f"Fictional cohort: one row per visit, {english.lower()}, 2019–2024.",
            "nl": f"Fictief cohort: één rij per bezoek, {dutch.lower()}, 2019–2024.",
        },
        "keywords": {"en": list(keywords[1:]), "nl": list(keywords[:1])},
        "theme": str(THEME.HEAL),
        "access": str(ACCESS.NON_PUBLIC),
        "legislation": str(EHDS),
        "contact": {"name": f"Data desk of {holder}", "email": f"data@{holder.lower()}.example"},
        "creator": group,
        "publisher": hospital,
    }


FACTS = fact_sheet()

# Values that pass every rule and mean nothing: what a form fills in when nobody does.
TEMPLATE = {
    **{key: value for key, value in fact_sheet("Template").items() if key != "dataset"},
    "title": {"en": "Dataset"},
    "description": {"en": "To be completed"},
    "keywords": {"en": ["health"]},
    "identifier": "unknown",
    "access": str(ACCESS.PUBLIC),
}


def add_fact(record: Graph, rule: Node, facts: dict) -> None:
    """State in ``record`` what ``facts`` says about one property (``rule``) of its dataset; removes nothing."""
    dataset = URIRef(facts["dataset"])
    for node in _WRITERS[rule](record, facts):
        record.add((dataset, URIRef(str(rule)), node))


def clear(record: Graph, rule: Node, facts: dict) -> None:
    """Remove from ``record`` what it says about one property of the dataset, and the unnamed nodes below it."""
    dataset = URIRef(facts["dataset"])
    for node in list(record.objects(dataset, rule)):
        record.remove((dataset, rule, node))
        if isinstance(node, BNode):
            record.remove((node, None, None))


def full_record(facts: dict) -> Graph:
    """A record that states every mandatory property, and two that are optional."""
    record = Graph()
    record.add((URIRef(facts["dataset"]), RDF.type, DCAT.Dataset))
    for rule in MANDATORY:
        add_fact(record, rule, facts)
    record.add((URIRef(facts["dataset"]), DCTERMS.issued, Literal("2025-03-26")))
    record.add((URIRef(facts["dataset"]), DCAT.landingPage, URIRef(f"{facts['dataset']}/about")))
    return record


def _in_languages(key: str) -> Callable[[Graph, dict], list[Node]]:
    return lambda record, facts: [Literal(text, lang=lang) for lang, text in facts[key].items()]


def _address(key: str) -> Callable[[Graph, dict], list[Node]]:
    return lambda record, facts: [URIRef(facts[key])]


def _keywords(record: Graph, facts: dict) -> list[Node]:
    return [Literal(word, lang=lang) for lang, words in facts["keywords"].items() for word in words]


def _contact(record: Graph, facts: dict) -> list[Node]:
    contact = BNode()
    record.add((contact, RDF.type, VCARD.Kind))
    record.add((contact, VCARD.fn, Literal(facts["contact"]["name"])))
    record.add((contact, VCARD.hasEmail, URIRef(f"mailto:{facts['contact']['email']}")))
    return [contact]


def _agent(key: str) -> Callable[[Graph, dict], list[Node]]:
    def write(record: Graph, facts: dict) -> list[Node]:
        agent = BNode()
        record.add((agent, RDF.type, FOAF.Agent))
        record.add((agent, FOAF.name, Literal(facts[key]["name"])))
        record.add((agent, DCTERMS.identifier, Literal(facts[key]["identifier"])))
        record.add((agent, FOAF.mbox, URIRef(f"mailto:{facts[key]['email']}")))
        record.add((agent, FOAF.homepage, URIRef(facts[key]["homepage"])))
        return [agent]

    return write


_WRITERS: dict[Node, Callable[[Graph, dict], list[Node]]] = {
    DCTERMS.title: _in_languages("title"),
    DCTERMS.description: _in_languages("description"),
    DCAT.keyword: _keywords,
    DCTERMS.identifier: lambda record, facts: [Literal(facts["identifier"])],
    DCAT.theme: _address("theme"),
    DCTERMS.accessRights: _address("access"),
    DCATAP.applicableLegislation: _address("legislation"),
    DCAT.contactPoint: _contact,
    DCTERMS.creator: _agent("creator"),
    DCTERMS.publisher: _agent("publisher"),
}


# Mistakes that catalogues really contain. Each takes a right record and breaks one property.


def theme_as_text(record: Graph, facts: dict) -> None:
    """The theme in words, where a machine needs the address of the concept."""
    _replace(record, DCAT.theme, facts, Literal("Health"))


def access_as_text(record: Graph, facts: dict) -> None:
    """The access right in words: no catalogue can filter on it."""
    _replace(record, DCTERMS.accessRights, facts, Literal("on request"))


def no_legislation(record: Graph, facts: dict) -> None:
    """A record from before the EHDS."""
    clear(record, DCATAP.applicableLegislation, facts)


def no_description(record: Graph, facts: dict) -> None:
    clear(record, DCTERMS.description, facts)


def no_keywords(record: Graph, facts: dict) -> None:
    clear(record, DCAT.keyword, facts)


def no_contact(record: Graph, facts: dict) -> None:
    clear(record, DCAT.contactPoint, facts)


def contact_without_email(record: Graph, facts: dict) -> None:
    """Somebody's name, and no way to reach them."""
    record.remove((_only(record, DCAT.contactPoint, facts), VCARD.hasEmail, None))


def two_identifiers(record: Graph, facts: dict) -> None:
    """The number of the older version was never taken out."""
    record.add((URIRef(facts["dataset"]), DCTERMS.identifier, Literal(f"{facts['identifier']}-OLD")))


def publisher_without_homepage(record: Graph, facts: dict) -> None:
    record.remove((_only(record, DCTERMS.publisher, facts), FOAF.homepage, None))


def creator_as_text(record: Graph, facts: dict) -> None:
    """A name where a described agent belongs."""
    _replace(record, DCTERMS.creator, facts, Literal(facts["creator"]["name"]))


def two_english_titles(record: Graph, facts: dict) -> None:
    """Which of the two does a catalogue show?"""
    record.add((URIRef(facts["dataset"]), DCTERMS.title, Literal("Export 3 (final)", lang="en")))


DEFECTS = (
    theme_as_text,
    access_as_text,
    no_legislation,
    no_description,
    no_keywords,
    no_contact,
    contact_without_email,
    two_identifiers,
    publisher_without_homepage,
    creator_as_text,
    two_english_titles,
)

# How each holder's export goes wrong, as the share of its records: mostly one mistake, made nearly every time.
_HABITS: dict[str, dict[Callable, float]] = {
    "Zonnedal": {},
    "Maanwijk": {theme_as_text: 1.0},
    "Sterrenhof": {no_legislation: 1.0},
    "Regenborg": {no_contact: 0.4, contact_without_email: 0.6},
    "Wolkendam": {access_as_text: 0.9},
    "Nevelstein": {publisher_without_homepage: 1.0, creator_as_text: 1.0},
    "Schemerbeek": dict.fromkeys(DEFECTS, 0.2),
    "Dageraad": {no_description: 0.7, two_english_titles: 0.8},
}
_ACCIDENT = 0.02  # of every other mistake, for every holder: people are people


def make_catalogue(seed: int = 0, each: int = 25) -> Graph:
    """One graph with ``each`` records of every holder, with that holder's habits and a few accidents."""
    rng = np.random.default_rng(seed)
    catalogue = Graph()
    for holder in HOLDERS:
        for number in range(1, each + 1):
            facts = fact_sheet(holder, number, int(rng.integers(len(_SUBJECTS))))
            record = full_record(facts)
            for spoil in _chosen(rng, _HABITS[holder]):
                spoil(record, facts)
            catalogue += record
    return catalogue


def _chosen(rng: np.random.Generator, habits: dict[Callable, float]) -> Iterator[Callable]:
    """The mistakes of one record, at most one per property."""
    wrong_contact = False
    for spoil in DEFECTS:
        if rng.random() >= habits.get(spoil, _ACCIDENT):
            continue
        if spoil in (no_contact, contact_without_email):
            if wrong_contact:
                continue
            wrong_contact = True
        yield spoil


def _replace(record: Graph, rule: URIRef, facts: dict, value: Node) -> None:
    clear(record, rule, facts)
    record.add((URIRef(facts["dataset"]), rule, value))


def _only(record: Graph, rule: URIRef, facts: dict) -> Node | None:
    return record.value(URIRef(facts["dataset"]), rule)
