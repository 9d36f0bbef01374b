"""Lessons carry files in their kit, so that they are where a learner's notebook runs."""

from __future__ import annotations

import pytest
from werkbank_lessons import data

from .support import ROOT

KIT = ROOT / "extensions" / "lessons"


def test_a_file_is_found_by_name_wherever_the_kit_is_installed():
    assert "letter-ai-faciliteit.txt" in data.names()
    for name in data.names():
        assert data.path_of(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", "letter.txt", "__init__.py", "README.md", "../words/en.toml"])
def test_a_file_that_is_not_there_is_told_with_those_that_are(name):
    with pytest.raises(FileNotFoundError, match=r"carry no file .*; there are letter-ai-faciliteit"):
        data.path_of(name)


def test_each_file_has_its_origin_and_terms_written_beside_it():
    manual = (KIT / "werkbank_lessons" / "data" / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in manual for name in data.names())
