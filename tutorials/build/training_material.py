"""A lesson as harvesters of training material read it: Bioschemas TrainingMaterial 1.0 (schema.org, JSON-LD)."""

from __future__ import annotations

import json
from typing import Any

from .catalogue import LANGUAGES, Entry

FILE = "training-material.jsonld"
PROFILE = "https://bioschemas.org/profiles/TrainingMaterial/1.0-RELEASE"
_LICENCES = "https://spdx.org/licenses/"


def training_material(entry: Entry) -> str:
    """The lesson in English with its Dutch as a translation, as JSON-LD. Addresses are relative to this file: only a
    facility knows where it publishes.
    """
    english, dutch = (_in_language(entry, language) for language in LANGUAGES)
    material = {
        "@context": ["https://schema.org/", {"dct": "http://purl.org/dc/terms/"}],
        **english,
        **_shared(entry),
        "workTranslation": [dutch],
    }
    return json.dumps(material, ensure_ascii=False, indent=1) + "\n"


def _in_language(entry: Entry, language: str) -> dict[str, Any]:
    title = getattr(entry.title, language)
    goals = [getattr(goal, language) for goal in entry.goals]
    return {
        "@type": "LearningResource",
        "@id": f"{entry.stem}.{language}.ipynb",
        "dct:conformsTo": {"@type": "CreativeWork", "@id": PROFILE},
        "inLanguage": language,
        "name": title,
        "description": " ".join(goals),
        "teaches": goals,
        "keywords": [entry.track, *entry.libraries],
    }


def _shared(entry: Entry) -> dict[str, Any]:
    """What is the same in every language."""
    return {
        "identifier": f"{entry.id}@{entry.version}",
        "version": entry.version,
        "author": [{"@type": "Organization", "name": "Werkbank"}],
        "audience": [{"@type": "EducationalAudience", "educationalRole": role} for role in entry.audience],
        "educationalLevel": entry.level,
        "learningResourceType": ["tutorial", "notebook"],
        "timeRequired": f"PT{entry.minutes.total}M",
        "license": f"{_LICENCES}{entry.licence.text}",
        "dateModified": entry.reviewed.on.isoformat(),
        "competencyRequired": [before.id for before in entry.prerequisites],
        "about": [{"@type": "DefinedTerm", "termCode": measure} for measure in entry.measures],
        "mentions": [_data(source) for source in entry.data],
        "isAccessibleForFree": True,
        "accessibilityFeature": ["alternativeText", "structuralNavigation"],
    }


def _data(source: Any) -> dict[str, str]:
    return {"@type": "Dataset", "name": source.name, "license": source.licence}
