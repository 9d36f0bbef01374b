"""A settings file that is changed: it says what was wanted, and all that was not changed stays as it was."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.settings.document import NotWritable, read, with_value

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "werkbank.yaml").read_text()
PROFILES = read(TEXT)["profiles"]


def lines_lost(before: str, after: str) -> list[str]:
    return [line for line in before.splitlines() if line.strip() and line not in after.splitlines()]


def test_a_changed_value_changes_its_own_place_and_nothing_else() -> None:
    after = with_value(TEXT, ("leases", "notice"), "20m")
    assert lines_lost(TEXT, after) == ["  notice: 15s                     # how long before its user is told"]
    assert "  notice: 20m                     # how long before its user is told" in after


def test_entries_change_places_with_all_that_is_written_in_them() -> None:
    after = with_value(TEXT, ("profiles",), [PROFILES[2], PROFILES[0], PROFILES[1]])
    assert sorted(after.splitlines()) == sorted(TEXT.splitlines())
    assert [one["name"] for one in read(after)["profiles"]] == ["large", "small", "medium"]


def test_a_comment_above_an_entry_goes_with_it_and_one_below_the_list_stays() -> None:
    text = "profiles:\n  # first\n  - name: a\n\n  # second\n  - name: b\n    # - name: c\n"
    text += "\n# programmes\nprogrammes: []\n"
    after = with_value(text, ("profiles",), [{"name": "b"}, {"name": "a"}])
    assert after.index("# second") < after.index("name: b") < after.index("# first") < after.index("name: a")
    assert after.endswith("# programmes\nprogrammes: []\n")


def test_an_entry_that_is_taken_out_takes_its_lines_only() -> None:
    after = with_value(TEXT, ("profiles",), [PROFILES[0], PROFILES[2]])
    assert set(lines_lost(TEXT, after)) <= set(TEXT[TEXT.index("  - name: medium") :].split("\n\n")[0].splitlines())


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("a: &x {b: 1}\nc: *x\n", ("c", "b"), 2),
        ("a: &x {b: 1}\nc: *x\n", ("a", "b"), 2),
        ("a: &x\n  b: 1\nc:\n  <<: *x\n  d: 1\n", ("c", "b"), 2),
    ],
)
def test_what_stands_in_two_places_is_left_to_its_own_text(text: str, place: tuple[str, ...], value: Any) -> None:
    with pytest.raises(NotWritable):
        with_value(text, place, value)


NAMES = st.text("abcxyz", min_size=1, max_size=3)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-9, 9),
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8),
    st.sampled_from(
        ["yes", "1", "~", "a: b", "# no", "- x", "{", "'", '"', "a\nb", " a ", "*x", "&x", "!t", "%", "null"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
SECTIONS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=3)


SHORT = """\
# what it is
gpu_classes:                      # kinds
  simulated:
    title: {en: Simulated GPU, nl: Gesimuleerde GPU}
    memory: 16GiB
#  h200:                          # a class of real devices

# what people pick
profiles:
  - name: small
    title: {en: Small, nl: Klein}  # short
    dask: {workers: 2, clusters: 1}
    groups: [a, b]

  # the larger one
  - name: large
    description:
      en: For training
      nl: Om te trainen
    # quiet: true

programmes: []  # who it counts for
"""
ENTRIES = read(SHORT)["profiles"]


@settings(max_examples=60, deadline=None)
@given(SECTIONS, st.sampled_from(["gpu_classes", "programmes", "fresh"]))
def test_any_section_can_become_any_other(new: dict[str, Any], section: str) -> None:
    after = with_value(SHORT, (section,), new)
    assert read(after)[section] == new
    outside = [line for line in SHORT.splitlines() if line.startswith("#")]
    assert [line for line in outside if line not in after.splitlines()] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ENTRIES) | SECTIONS, min_size=1, max_size=5))
def test_any_list_of_entries_can_be_written_and_the_rest_stays(entries: list[Any]) -> None:
    after = with_value(SHORT, ("profiles",), entries)
    assert read(after)["profiles"] == entries
    assert after.endswith("\nprogrammes: []  # who it counts for\n")
