"""An entry for the Dutch algorithm register in lesson R1: fields, limits and choices of its publication standard.

Source: Algoritmeregister Publicatiestandaard 1.0 (Ministry of the Interior and Kingdom Relations, text of July 2024).
The keys are those of the register's own interface, the titles those of the standard. The standard has more fields; here
are the ones without which it does not publish, and three that its site shows as not filled in when they are empty.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

TITLES = {
    "name": "Naam",
    "description_short": "Korte omschrijving",
    "organization": "Organisatie",
    "status": "Status",
    "contact_email": "Contactgegevens",
    "publication_category": "Publicatiecategorie",
    "goal": "Doel en impact",
    "human_intervention": "Menselijke tussenkomst",
    "risks": "Risicobeheer",
}
_ADDRESS = r"^(https://\S+|[^@\s]+@[^@\s]+\.[^@\s]+)$"

# The standard says “fewer than” of each limit.
_Line = Annotated[str, Field(min_length=1, max_length=99)]
_Summary = Annotated[str, Field(min_length=1, max_length=349)]
_Text = Annotated[str, Field(min_length=1, max_length=2499)]


class Registration(BaseModel):
    """One algorithm in the register; pydantic's ValidationError names a field that is missing or wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=True)

    name: _Line
    description_short: _Summary
    organization: _Line
    status: Literal["In ontwikkeling", "In gebruik", "Buiten gebruik"]
    contact_email: Annotated[str, Field(pattern=_ADDRESS, max_length=500)]
    publication_category: Literal["Hoog-risico AI-systeem", "Impactvolle algoritmes", "Overige algoritmes"]
    goal: _Text
    human_intervention: _Text
    risks: _Text


def problems(entry: dict) -> list[tuple[str, str]]:
    """(field, kind of problem in pydantic's words) for each field of ``entry`` that the register would refuse."""
    try:
        Registration.model_validate(entry)
    except ValidationError as refused:
        return [(str(one["loc"][0]) if one["loc"] else "", one["type"]) for one in refused.errors()]
    return []
