"""Forms of settings: what is shown comes back as it was, what is filled in is written, nonsense is told in place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.admin.settings_change import Change, Sheet, applied, sheet_of
from hub.admin.settings_edits import entries, masked, moved, part_of, unmasked, with_part, without_entry
from hub.admin.settings_fields import Field, Posted
from hub.admin.settings_sentences import SENTENCES, at_field
from hub.errors import SettingsError
from hub.settings import Settings, judge
from hub.settings.document import read, with_value
from hub.settings.effects import ENTRIES
from hub.settings.flat import HIDDEN, changed
from hub.settings.labels import unlabelled
from hub.words import translator

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "werkbank.yaml").read_text()


def shown(fields: tuple[Field, ...]) -> dict[str, list[str]]:
    """What a browser would send of a form that nobody touched."""
    sent: dict[str, list[str]] = {}
    for field in fields:
        if field.children:
            sent |= shown(field.children)
        elif field.kind == "checks":
            sent[field.name] = ["", *field.lines]
        else:
            sent[field.name] = [field.value.replace("\n", "\r\n")]
    return sent


def changes() -> list[tuple[str, str]]:
    single = ("people", "site", "server", "authentication", "leases", "gateway", "culling", "workshops")
    return [*((one, "") for one in single), *((one, name) for one in ENTRIES for name in entries(TEXT, one))]


def change(section: str, entry: str = "", **filled: str) -> Change:
    empty = Change("entry" if section in ENTRIES else "section", section, entry)
    sent = shown(sheet_of(empty, TEXT, "en").fields)
    sent |= {key.replace("__", "."): [value] for key, value in filled.items()}
    return Change(empty.act, section, entry, posted=Posted(sent))


def said(wanted: Change, language: str = "en") -> dict[str, str]:
    """What the form says is wrong, by field."""
    new, findings = applied(wanted, TEXT)
    if not findings:
        _settings, findings = judge(new)
    return told(sheet_of(wanted, TEXT, language, findings))


def told(sheet: Sheet) -> dict[str, str]:
    todo, found = list(sheet.fields), {}
    while todo:
        field = todo.pop()
        todo += field.children
        if field.problems:
            found[field.name] = field.problems[0][0]
    return found


@pytest.mark.parametrize(("section", "name"), changes())
def test_a_form_that_nobody_touched_changes_no_character(section: str, name: str) -> None:
    assert applied(change(section, name), TEXT) == (TEXT, [])


def test_every_setting_has_a_label_in_both_languages() -> None:
    assert unlabelled() == (set(), set())


def test_what_is_filled_in_is_written_and_nothing_else() -> None:
    new, _ = applied(change("profiles", "small", cpu="1,5", dask__workers="", groups="ained\r\n\r\nhealth-ri"), TEXT)
    profile = read(new)["profiles"][0]
    assert (profile["cpu"], profile["groups"]) == (1.5, ["ained", "health-ri"])
    assert "workers" not in profile["dask"]
    before, after = judge(TEXT)[0], judge(new)[0]
    assert before is not None
    assert after is not None
    assert changed(before, after) == ["profiles.small.cpu", "profiles.small.dask.workers", "profiles.small.groups"]


def test_a_field_that_the_form_did_not_send_stays_as_it_is() -> None:
    wanted = Change("entry", "profiles", "small", posted=Posted({"cpu": ["3"]}))
    new, _ = applied(wanted, TEXT)
    assert read(new)["profiles"][0] == {**read(TEXT)["profiles"][0], "cpu": 3}


def test_a_new_profile_stands_at_the_end_and_a_copy_begins_as_the_other() -> None:
    sheet = sheet_of(Change("entry", "profiles", copy="medium"), TEXT, "en")
    sent = shown(sheet.fields) | {"name": ["night"], "title.en": ["Night"], "title.nl": ["Nacht"]}
    new, _ = applied(Change("entry", "profiles", posted=Posted(sent), copy="medium"), TEXT)
    assert list(entries(new, "profiles")) == ["small", "medium", "large", "night"]
    assert entries(new, "profiles")["night"]["life"] == "1d"
    assert "\n  - name: night\n    title: {en: Night, nl: Nacht}\n" in new


def test_entries_are_renamed_moved_and_removed() -> None:
    renamed, _ = applied(change("gpu_classes", "simulated", name="paper"), TEXT)
    assert list(entries(renamed, "gpu_classes")) == ["paper"]
    assert list(entries(moved(TEXT, "profiles", "large", -1), "profiles")) == ["small", "large", "medium"]
    assert moved(TEXT, "profiles", "small", -1) == TEXT
    assert list(entries(without_entry(TEXT, "programmes", "ained"), "programmes")) == ["health-ri"]
    with pytest.raises(SettingsError):
        without_entry(TEXT, "profiles", "../../etc")


def test_a_part_that_can_be_left_out_is_left_out_when_it_is_empty() -> None:
    filled = change("site", footprint__pue__value="1.3", footprint__pue__year="2024", footprint__pue__source="report")
    new, _ = applied(filled, TEXT)
    assert read(new)["site"]["footprint"] == {"pue": {"value": 1.3, "year": 2024, "source": "report"}}
    half = change("site", footprint__pue__value="1.3")
    assert said(half) == {"footprint.pue.year": "This is needed.", "footprint.pue.source": "This is needed."}


def test_another_way_of_signing_in_takes_the_place_of_the_old() -> None:
    sheet = sheet_of(Change("section", "authentication", posted=Posted({"kind": ["pam"]})), TEXT, "en")
    sent = shown(sheet.fields) | {"kind": ["pam"], "allowed_groups": ["staff"]}
    new, _ = applied(Change("section", "authentication", posted=Posted(sent)), TEXT)
    assert read(new)["authentication"] == {"kind": "pam", "allowed_groups": ["staff"]}


@pytest.mark.parametrize(
    ("section", "name", "field", "value", "english"),
    [
        ("profiles", "small", "idle_timeout", "-5m", 'Write a whole number with its unit: "30s", "10m", "2h" or "1d".'),
        ("profiles", "small", "memory", "much", 'Write an amount of memory with its unit: "512MiB" or "4GiB".'),
        ("profiles", "small", "memory", "1KiB", "At least 64MiB is needed; this is 1.0KiB."),
        ("profiles", "small", "cpu", "two", "Write a number."),
        ("profiles", "small", "cpu", "0", "It must be more than 0."),
        ("profiles", "small", "cpu", "9" * 5000, "It must be 1024 or less."),
        ("profiles", "small", "cpu", "1e309", "It must be 1024 or less."),
        ("profiles", "small", "processes", "12.5", "Write a whole number."),
        ("profiles", "small", "name", "../x", "Use lower-case letters, digits and hyphens, 32 at most, "),
        ("profiles", "small", "name", "medium", "medium is already the name of number 2; names must differ."),
        ("profiles", "small", "name", "", "This is needed."),
        ("profiles", "small", "title.nl", "", "This is needed."),
        ("profiles", "small", "title.en", "x" * 201, "Write at most 200 characters."),
        ("profiles", "small", "title.en", "a\0b", "There is a character in it that cannot be seen; take it out."),
        ("profiles", "small", "title.en", "x" * 100_000, "Write at most 20000 characters."),
        ("profiles", "small", "gpu_classes", "h999", "There is no h999; known here: simulated."),
        ("profiles", "small", "environment", "none", "There is no none; known here: default."),
        ("profiles", "small", "start", "spoon", "Choose one of 'fork' or 'exec'."),
        ("site", "", "warm", "perhaps", "Choose yes or no."),
        ("site", "", "confinement.readable", "etc", "Write a folder's whole path, such as /scratch."),
        ("server", "", "port", "70000", "It must be 65535 or less."),
        ("gpu_classes", "simulated", "simulated", "false", ""),
        ("environments", "default", "variables", "WERKBANK_X = 1", "The workbench itself sets variables"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(section: str, name: str, field: str, value: str, english: str) -> None:
    wanted = change(section, name)
    sent = {**wanted.posted.values, field: [value]}
    wanted = Change(wanted.act, section, name, posted=Posted(sent))
    new, findings = applied(wanted, TEXT)
    if not findings:
        findings = judge(new)[1]
    assert findings
    if english:
        assert told(sheet_of(wanted, TEXT, "en", findings))[field].startswith(english)
        dutch = told(sheet_of(wanted, TEXT, "nl", findings))[field]
        assert dutch != told(sheet_of(wanted, TEXT, "en", findings))[field]


def test_a_field_given_twice_is_refused() -> None:
    wanted = change("profiles", "small")
    twice = Change("entry", "profiles", "small", posted=Posted({**wanted.posted.values, "cpu": ["1", "2"]}))
    _new, findings = applied(twice, TEXT)
    assert told(sheet_of(twice, TEXT, "en", findings)) == {"cpu": "This was sent more than once."}


def test_what_no_form_of_ours_sends_is_no_change() -> None:
    assert Change.of({}) is None
    assert Change.of({"act": ["entry"], "section": ["secrets"]}) is None
    assert Change.of({"act": ["format"], "section": ["site"]}) is None
    assert Change.of({"act": ["section"], "section": ["site"], **{f"f.{n}": ["x"] for n in range(2000)}}) is None


def test_every_sentence_is_said_in_dutch_too() -> None:
    dutch = translator("nl")
    assert [said for _, said in SENTENCES if dutch(said) == said] == []
    assert at_field("`a.b`: something that no rule knows.", dutch) == ("Something that no rule knows.", False)


# --- secrets ---------------------------------------------------------------------------------------------

OIDC = """\
authentication:
  kind: oidc
  issuer: https://login.example.nl
  client_id: werkbank
  client_secret: "s3cret #1"   # of 2026
server:
  database: postgresql://hub:pa55word@db.example.nl/hub
# database: postgresql://old:0ldpass@db.example.nl/hub
"""
WITH_SECRETS = with_value(
    with_value(TEXT, ("server", "database"), "postgresql://hub:pa55word@db.example.nl/hub"),
    ("authentication",),
    read(OIDC)["authentication"],
)


def test_no_secret_is_in_the_text_that_people_get_and_all_are_in_what_they_send_back() -> None:
    hidden = masked(OIDC)
    assert all(secret not in hidden for secret in ("s3cret", "pa55word", "0ldpass"))
    assert unmasked(hidden, OIDC) == OIDC
    assert unmasked(hidden.replace("example.nl/hub", "other.nl/hub"), OIDC).count("pa55word") == 1


def test_forms_show_no_secret_and_keep_the_one_there_is() -> None:
    for section, secret in (("authentication", "s3cret #1"), ("server", "pa55word")):
        sheet = sheet_of(Change("section", section), WITH_SECRETS, "en")
        sent = shown(sheet.fields)
        assert secret not in str(sent)
        assert HIDDEN in str(sent)
        assert applied(Change("section", section, posted=Posted(sent)), WITH_SECRETS) == (WITH_SECRETS, [])


def test_a_new_secret_is_written_and_told_as_a_change_without_its_value() -> None:
    sheet = sheet_of(Change("section", "authentication"), WITH_SECRETS, "en")
    sent = shown(sheet.fields) | {"client_secret": ["an0ther"]}
    new, _ = applied(Change("section", "authentication", posted=Posted(sent)), WITH_SECRETS)
    before, after = judge(WITH_SECRETS)[0], judge(new)[0]
    assert before is not None
    assert after is not None
    assert changed(before, after) == ["authentication.client_secret"]
    assert "an0ther" not in masked(new)


def test_a_section_as_text_takes_the_place_of_its_lines() -> None:
    part = part_of(TEXT, "culling")
    assert part.startswith("culling:")
    assert with_part(TEXT, "culling", part.replace("\n", "\r\n")) == TEXT
    assert read(with_part(TEXT, "culling", ""))["leases"] == read(TEXT)["leases"]


# --- any tree there and back -------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
LISTS = st.lists(TEXTS, max_size=3)
WORDS = st.fixed_dictionaries({"en": TEXTS, "nl": TEXTS})
DURATIONS = st.sampled_from(["30s", "90m", "2h", "1d"])
PROFILE = st.fixed_dictionaries(
    {"name": NAMES, "title": WORDS, "description": WORDS, "cpu": st.integers(1, 64), "memory": st.just("2GiB")},
    optional={
        "groups": LISTS,
        "life": DURATIONS,
        "start": st.sampled_from(["fork", "exec"]),
        "dask": st.fixed_dictionaries({}, optional={"workers": st.integers(0, 9), "worker_memory": st.just("1GiB")}),
    },
)
PROGRAMME = st.fixed_dictionaries(
    {"name": NAMES, "title": WORDS},
    optional={
        "members": LISTS,
        "quota": st.fixed_dictionaries({}, optional={"gpu_hours_per_week": st.floats(0, 1e6) | st.none()}),
    },
)
TREES = st.fixed_dictionaries(
    {
        "profiles": st.lists(PROFILE, min_size=1, max_size=2, unique_by=lambda one: one["name"]),
        "authentication": st.fixed_dictionaries(
            {"kind": st.just("oidc"), "issuer": st.just("https://a.nl"), "client_id": TEXTS, "client_secret": TEXTS},
            optional={"group_map": st.dictionaries(TEXTS, TEXTS, max_size=3), "scopes": LISTS},
        ),
    },
    optional={
        "programmes": st.lists(PROGRAMME, max_size=2, unique_by=lambda one: one["name"]),
        "admin_groups": LISTS,
        "environments": st.just({"default": {"variables": {"A": " x ", "B_1": 'q"=,', "C": ""}}}),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_any_settings_go_through_their_forms_and_come_back_the_same(tree: dict[str, Any]) -> None:
    text = "# kept\n"
    for section, value in tree.items():
        text = with_value(text, (section,), value)
    before = judge(text)[0]
    if before is None:  # such as the secret "env:X"
        return
    for section in ("people", "authentication", "site", "leases"):
        sent = Posted(shown(sheet_of(Change("section", section), text, "en").fields))
        assert applied(Change("section", section, posted=sent), text)[1] == []
        assert same_after(text, Change("section", section, posted=sent), before)
    for section in ENTRIES:
        for name in entries(text, section):
            sent = Posted(shown(sheet_of(Change("entry", section, name), text, "en").fields))
            assert same_after(text, Change("entry", section, name, posted=sent), before)


def same_after(text: str, wanted: Change, before: Settings) -> bool:
    new, findings = applied(wanted, text)
    return not findings and judge(new)[0] == before and new.startswith("# kept\n")
