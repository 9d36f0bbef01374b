"""A second opinion on a record: SeMPyRO, Health-RI's own library, where it is installed, else what it said when asked.

SeMPyRO holds an older pydantic than much else here does, so no environment of lessons may count on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rdflib import URIRef

from .h1_records import MANDATORY


@dataclass(frozen=True)
class Opinion:
    """What SeMPyRO ``version`` requires of a dataset (local names of properties), and the properties that it misses in
    our record; ``recorded`` is the day it was asked, None when it was asked just now.
    """

    version: str
    required: frozenset[str]
    missing: tuple[str, ...]
    recorded: str | None = None


# The answer for `h1_records.FACTS`, from a run in an environment of its own; a test asks again where SeMPyRO is there.
RECORDED = Opinion(
    version="2.2.0",
    required=frozenset(
        {
            "accessRights",
            "applicableLegislation",
            "contactPoint",
            "creator",
            "description",
            "healthCategory",
            "identifier",
            "keyword",
            "publisher",
            "theme",
            "title",
        }
    ),
    missing=("healthCategory",),
    recorded="2026-11-26",
)


def second_opinion(facts: dict) -> Opinion:
    """SeMPyRO's opinion on the mandatory properties that ``facts`` gives, asked now if it is installed."""
    try:
        from sempyro.hri_dcat import HRIDataset
    except ModuleNotFoundError:
        return RECORDED
    return _ask(HRIDataset, facts)


def local_name(term: URIRef) -> str:
    """``accessRights`` of ``http://purl.org/dc/terms/accessRights``."""
    return str(term).replace("#", "/").rpartition("/")[2]


def our_names() -> frozenset[str]:
    """The local names of what our own rules require."""
    return frozenset(local_name(rule) for rule in MANDATORY)


def _ask(model, facts: dict) -> Opinion:
    from importlib.metadata import version

    from pydantic import ValidationError

    names = {name: local_name(field.json_schema_extra["rdf_term"]) for name, field in model.model_fields.items()}
    required = frozenset(names[name] for name, field in model.model_fields.items() if field.is_required())
    try:
        model(**_fields(facts))
        missing = ()
    except ValidationError as problem:
        missing = tuple(names[str(error["loc"][0])] for error in problem.errors())
    return Opinion(version("sempyro"), required, missing)


def _fields(facts: dict) -> dict:
    """The fact sheet in SeMPyRO's words."""
    from sempyro import LiteralField
    from sempyro.hri_dcat import HRIVCard

    def texts(key: str) -> list:
        return [LiteralField(value=text, language=language) for language, text in facts[key].items()]

    keywords = [
        LiteralField(value=word, language=language) for language, words in facts["keywords"].items() for word in words
    ]
    contact = HRIVCard(formatted_name=facts["contact"]["name"], hasEmail=facts["contact"]["email"])
    return {
        "access_rights": URIRef(facts["access"]),
        "applicable_legislation": [facts["legislation"]],
        "contact_point": contact,
        "creator": [_agent(facts["creator"])],
        "description": texts("description"),
        "identifier": facts["identifier"],
        "keyword": keywords,
        "publisher": _agent(facts["publisher"]),
        "theme": [URIRef(facts["theme"])],
        "title": texts("title"),
    }


def _agent(facts: dict):
    from sempyro.hri_dcat import HRIAgent

    return HRIAgent(
        name=[facts["name"]], identifier=[facts["identifier"]], mbox=facts["email"], homepage=facts["homepage"]
    )
