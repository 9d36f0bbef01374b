"""Exercises of lesson R1, "Check a model before it checks people: fair, explained, registered"."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ..words import language, tr
from . import Exercise, NotYetError
from .answers import finite_number, require_something


def false_alarms(error: np.ndarray, selected: np.ndarray, group: np.ndarray) -> dict[str, float]:
    """Share (0 to 1) of the files without an error that are selected, for each group."""
    return {name: float(selected[(group == name) & ~error].mean()) for name in np.unique(group)}


def judge_false_alarms(answer, rng: np.random.Generator) -> None:
    """Groups of other names, sizes and shares each time; the first wrong share decides the hint."""
    for count in (2, 3, 2):
        error, selected, group = _files(rng, count)
        exact = false_alarms(error, selected, group)
        found = _by_group(answer(error.copy(), selected.copy(), group.copy()), exact, "R1-1.groups")
        for name, share in exact.items():
            if not np.isclose(found[name], share, atol=1e-3):
                raise NotYetError(_which_share(error, selected, group == name, found[name]), found=found[name])


def _files(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error, selected and group of some files; every combination occurs, and no two shares of a group are alike."""
    parts = []
    for name in rng.choice(["north", "south", "east", "west", "A", "B"], size=count, replace=False):
        clean, base = int(rng.integers(90, 140)), int(rng.integers(20, 50))
        alarms, hits = int(rng.integers(10, 25)), int(base * rng.uniform(0.5, 0.7))
        error = np.repeat([False, True], [clean, base])
        selected = np.concatenate([np.arange(clean) < alarms, np.arange(base) < hits])
        parts.append((error, selected, np.full(clean + base, str(name))))
    error, selected, group = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = rng.permutation(len(error))
    return error[order], selected[order], group[order]


def _by_group(found, exact: Mapping, hint: str) -> dict[str, float]:
    """The answer as a number for each group; raises `NotYetError` when it is not that."""
    require_something(found)
    if hasattr(found, "to_dict"):  # a Series of pandas
        found = found.to_dict()
    if not isinstance(found, Mapping) or {str(name) for name in found} != {str(name) for name in exact}:
        raise NotYetError(hint, groups=", ".join(map(str, exact)))
    return {str(name): finite_number(value, hint, groups=", ".join(map(str, exact))) for name, value in found.items()}


def _which_share(error: np.ndarray, selected: np.ndarray, here: np.ndarray, found: float) -> str:
    """The hint that fits a wrong share of one group: another numerator, another denominator, or another scale."""
    alarms = np.count_nonzero(selected & ~error & here)
    exact = alarms / np.count_nonzero(~error & here)
    usual = (
        ("R1-1.selected", selected[here].mean()),
        ("R1-1.discovery", alarms / np.count_nonzero(selected & here)),
        ("R1-1.everybody", alarms / np.count_nonzero(here)),
        ("R1-1.together", alarms / np.count_nonzero(~error)),
        ("R1-1.together", selected[~error].mean()),
        ("R1-1.hits", selected[error & here].mean()),
        ("R1-1.missed", 1 - selected[error & here].mean()),
        ("R1-1.opposite", 1 - exact),
        ("R1-1.count", alarms),
        ("R1-1.percent", 100 * exact),
    )
    return next((hint for hint, value in usual if np.isclose(found, value, atol=1e-6)), "R1-1.other")


def thresholds(score: np.ndarray, group: np.ndarray, error: np.ndarray, places: int) -> dict[str, float]:
    """A threshold for each group, so that those without an error are selected equally often in each, and so that at
    most ``places`` files have a ``score`` of their threshold or more, and hardly fewer.
    """
    shares = np.linspace(0, 1, 1001)
    steps = {name: np.quantile(score[(group == name) & ~error], 1 - shares) for name in np.unique(group)}
    selected = sum(np.sum(score[group == name] >= step[:, None], axis=1) for name, step in steps.items())
    fitting = np.flatnonzero(selected <= places)
    if fitting.size == 0:  # too few places for even the highest scores: nobody
        return dict.fromkeys(steps, float(score.max()) + 1)
    return {name: float(step[fitting[-1]]) for name, step in steps.items()}


_GAP = 0.015  # between the shares of false alarms of any two groups
_FILLED = 0.9  # of the places


def judge_thresholds(answer, rng: np.random.Generator) -> None:
    """Groups that differ in everything: how many errors, how high the scores, how well these tell the two apart."""
    for count in (2, 3, 2):
        score, group, error = _scored(rng, count)
        places = int(len(score) * rng.uniform(0.15, 0.25))
        found = answer(score.copy(), group.copy(), error.copy(), places)
        found = _by_group(found, dict.fromkeys(np.unique(group)), "R1-2.groups")
        selected = score >= np.array([found[name] for name in group])
        hint = _why_not_these(found, error, selected, group, places)
        if hint:
            alarms = [100 * share for share in false_alarms(error, selected, group).values()]
            few, many = min(alarms), max(alarms)
            raise NotYetError(hint, selected=int(selected.sum()), places=places, few=few, many=many)


def _scored(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, group and error of the files of a sample."""
    parts = []
    names = rng.choice(["north", "south", "east", "west", "A", "B"], size=count, replace=False)
    bases, levels, gains = [0.08, 0.45, 0.2], [0.8, 0.0, 0.4], [1.0, 2.0, 1.5]
    for name, base, level, gain in zip(names, bases, levels, gains, strict=False):
        size = int(rng.integers(500, 800))
        error = rng.random(size) < base
        log_odds = rng.normal(level - 2, 1, size) + gain * error
        parts.append((1 / (1 + np.exp(-log_odds)), np.full(size, str(name)), error))
    score, group, error = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = rng.permutation(len(score))
    return score[order], group[order], error[order]


def _why_not_these(
    found: dict[str, float], error: np.ndarray, selected: np.ndarray, group: np.ndarray, places: int
) -> str | None:
    """The hint for thresholds that fill too much, too little, or the wrong way; None when they do."""
    if selected.sum() > places:
        return "R1-2.capacity"
    if selected.sum() < _FILLED * places:
        return "R1-2.few"
    if _spread(selected[~error], group[~error]) <= _GAP:
        return None
    if len(set(found.values())) == 1:
        return "R1-2.one"
    if _spread(selected, group) <= _GAP / 2:  # only made equal on purpose
        return "R1-2.parity"
    return "R1-2.hits" if _spread(selected[error], group[error]) <= 3 * _GAP else "R1-2.gap"


def _spread(selected: np.ndarray, group: np.ndarray) -> float:
    """Largest minus smallest share selected, over the groups."""
    shares = [selected[group == name].mean() for name in np.unique(group)]
    return max(shares) - min(shares)


def entry(facts: dict) -> dict[str, str]:
    """A register entry, in the language of ``facts``, that says what was measured in words for everybody."""
    point = "," if facts["language"] == "nl" else "."
    alarms = {name: f"{share:.1f}".replace(".", point) for name, share in facts["false_alarms"].items()}
    values = {key: facts[key] for key in ("reason", "decides", "watch")} | alarms
    texts = {
        key: tr(f"R1.entry.{key}", facts["language"], **values)
        for key in ("description_short", "human_intervention", "risks")
    }
    status = "In gebruik" if facts["in_use"] else "In ontwikkeling"
    copied = {field: facts[key] for field, key in _COPIED.items()}
    return copied | {"status": status, "publication_category": "Impactvolle algoritmes"} | texts


_COPIED = {"name": "name", "organization": "organization", "contact_email": "contact", "goal": "goal"}  # field: fact

# Words of the trade, in English and Dutch; a person who gets a letter should not have to look one up.
_JARGON = re.compile(
    r"shap|auc|roc|fpr|tpr|false positives?|(fout|vals)[- ]positie(f|ve)n?|gradient|boost(ing|ed)|classifiers?|"
    r"log[- ]?odds|logits?|features?|proxy|proxies|thresholds?|drempelwaarden?|parity|pariteit|machine[- ]?learning|"
    r"datasets?|outputs?|hyperparameters?|labels?|trainings?[- ]?(set|data)|variabelen?|variables?|classificatie\w*",
    re.IGNORECASE,
)
_ACCUSING = re.compile(r"\w*frau(d|de)\w*|\w*suspect\w*|\w*verdach\w*|guilty|schuldig\w*|cheat\w*|crimin\w+", re.I)
_MOST_WORDS = 25  # in one sentence of the short description


def judge_entry(answer, rng: np.random.Generator) -> None:
    """Other facts each time: what the register's schema refuses first, then what is not true or not plain."""
    for in_use in (True, False):
        facts = _facts(rng) | {"in_use": in_use}
        found = answer({**facts, "false_alarms": dict(facts["false_alarms"])})
        require_something(found)
        if not isinstance(found, Mapping):
            raise NotYetError("R1-3.entry")
        _require_accepted(dict(found))
        _require_plain(found["description_short"], facts)
        _require_true(found, facts)


def _facts(rng: np.random.Generator) -> dict:
    """What somebody measured of a model in a place that does not exist."""
    place = str(rng.choice(["Duinmeer", "Oosterlaken", "Westerschans", "Middelgouw"]))
    first = round(float(rng.uniform(3, 8)), 1)
    return {
        "language": language(),
        "name": tr("R1.entry.name"),
        "organization": f"Gemeente {place}",
        "contact": f"algoritmes@{place.lower()}.example",
        "goal": tr("R1.entry.goal"),
        "reason": tr(f"R1.line.{rng.choice(['changes', 'late', 'household', 'years'])}"),
        "decides": tr(f"R1.entry.decides_{rng.choice(['clerk', 'two', 'team'])}"),
        "false_alarms": {"A": first, "B": round(first + float(rng.uniform(2, 6)), 1)},
        "watch": tr(f"R1.entry.watch_{rng.choice(['lots', 'complaints'])}"),
    }


def _require_accepted(found: dict) -> None:
    """Raise `NotYetError` for the first field that the register refuses."""
    from .r1_register import TITLES, problems

    for field, kind in problems(found):
        hint = {
            "missing": "R1-3.missing",
            "string_too_short": "R1-3.missing",
            "extra_forbidden": "R1-3.unknown",
            "string_too_long": "R1-3.long",
            "literal_error": "R1-3.choice",
            "string_pattern_mismatch": "R1-3.contact",
        }.get(kind, "R1-3.text")
        length = len(str(found.get(field, "")).strip())
        raise NotYetError(hint, field=field, title=TITLES.get(field, "?"), length=length)
    if found["publication_category"] == "Overige algoritmes":
        raise NotYetError("R1-3.category")


def _require_plain(description: str, facts: dict) -> None:
    """Raise `NotYetError` unless a layman can read it: no jargon, no accusation, short sentences, and the reason."""
    for hint, pattern in (("R1-3.jargon", rf"\b({_JARGON.pattern})\b"), ("R1-3.accusing", _ACCUSING.pattern)):
        if word := re.search(pattern, description, re.IGNORECASE):
            raise NotYetError(hint, word=word[0])
    if facts["reason"].lower() not in description.lower():
        raise NotYetError("R1-3.reason", reason=facts["reason"])
    longest = max(len(sentence.split()) for sentence in re.split(r"[.!?:;]", description))
    if longest > _MOST_WORDS:
        raise NotYetError("R1-3.sentence", words=longest)


def _require_true(found: Mapping, facts: dict) -> None:
    """Raise `NotYetError` where the entry does not say what the facts say."""
    told = [float(number.replace(",", ".")) for number in re.findall(r"\d+(?:[.,]\d+)?", found["risks"])]
    for name, share in facts["false_alarms"].items():
        if not any(abs(number - share) <= 0.5 for number in told):
            raise NotYetError("R1-3.measured", group=name)
    for hint, field, key in (("R1-3.human", "human_intervention", "decides"), ("R1-3.watch", "risks", "watch")):
        if facts[key].lower().rstrip(".") not in found[field].lower():
            raise NotYetError(hint, fact=facts[key])
    if found["status"] != ("In gebruik" if facts["in_use"] else "In ontwikkeling"):
        raise NotYetError("R1-3.status", status=found["status"])
    for field, key in _COPIED.items():
        if found[field].strip() != facts[key]:
            raise NotYetError("R1-3.facts", field=field, fact=facts[key])


EXERCISES = {
    "R1-1": Exercise(false_alarms, judge_false_alarms),
    "R1-2": Exercise(thresholds, judge_thresholds),
    "R1-3": Exercise(entry, judge_entry),
}
