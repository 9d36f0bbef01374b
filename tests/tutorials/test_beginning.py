"""A scientist begins a lesson with one command, and it passes everything at once; in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tutorials.build.beginning import CannotBeginError, begin

from .support import ROOT

PARTS = ["hub", "tutorials", "tests", "extensions/lessons", "images", "pyproject.toml"]
SKIPPED = shutil.ignore_patterns("__pycache__", "node_modules")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project to write in."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copyfile
        more = {"ignore": SKIPPED} if copy is shutil.copytree else {}
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, folder / part, **more)
    return folder


@pytest.fixture(scope="module")
def call(project):
    """Call a module of the copy; returns the finished process."""

    def run(*arguments, **environment):
        path = os.pathsep.join([str(project), str(project / "extensions" / "lessons")])
        environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | environment
        command = [sys.executable, "-m", *map(str, arguments)]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=500, check=False
        )

    return run


@pytest.fixture(scope="module")
def begun(call):
    """The copy with lesson N77 in it, and what was said."""
    done = call("hub.cli", "lessons", "new", "N77")
    assert done.returncode == 0, done.stderr
    return done


def test_beginning_a_lesson_says_what_was_written_and_what_to_do_next(begun, project):
    assert f"wrote {project}/tutorials/src/N77.py" in begun.stdout
    assert "./werkbank lessons run N77" in begun.stdout
    assert "cpu2_seconds: 1," not in (project / "tutorials" / "catalogue" / "N77.yaml").read_text(), "not measured"


def test_it_passes_the_check_at_once(begun, call):
    done = call("hub.cli", "lessons", "check")
    assert (done.returncode, done.stdout.strip().endswith("nothing to say.")) == (0, True), done.stdout


def test_it_passes_every_test_at_once(begun, call):
    others = ["--ignore", "tests/tutorials/test_beginning.py", "-k", "N77 or n77 or test_words"]
    done = call("pytest", "tests/tutorials", "-q", *others, WERKBANK_TEST_LESSONS="N77")
    assert done.returncode == 0, done.stdout[-4000:]


def test_running_it_prints_a_table(begun, call):
    done = call("hub.cli", "lessons", "run", "N77")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [(row[0], row[1], row[-1]) for row in rows if len(row) > 1 and row[0] in ("learner", "solution")] == [
        ("learner", "en", "good"),
        ("learner", "nl", "good"),
        ("solution", "en", "good"),
        ("solution", "nl", "good"),
    ]
    assert done.stdout.count("3 of 3") == 2


def test_a_run_tells_what_is_wrong_with_a_number_and_a_solution(begun, call, project):
    numbers = project / "tutorials" / "expected" / "N77.json"
    judges = project / "extensions" / "lessons" / "werkbank_lessons" / "exercises" / "n77.py"
    kept = numbers.read_text(), judges.read_text()
    numbers.write_text(kept[0].replace("9.65", "11.5"))
    judges.write_text(kept[1].replace("ddof=1) / np.sqrt(len(values)))", "ddof=1) / len(values))"))
    done = call("hub.cli", "lessons", "run", "N77")
    numbers.write_text(kept[0])
    judges.write_text(kept[1])
    assert done.returncode == 1
    assert "learner, nl: mean: 9.654, promised 11.5 ± 0.01 once" in done.stdout
    assert "solution, en: N77-1: its solution does not pass" in done.stdout


def test_check_with_fix_rebuilds_but_accepts_no_translation(begun, call, project):
    source, dutch = project / "tutorials/src/N77.py", project / "tutorials/i18n/nl/N77.md"
    kept = source.read_text(), dutch.read_text()
    source.write_text(kept[0].replace("measurements.mean():.3f", "np.mean(measurements):.3f"))
    found = call("hub.cli", "lessons", "check")
    assert found.returncode == 1
    assert "notebooks/N77-sure-mean/sure-mean.en.ipynb: is not what its source gives; --fix rebuilds it" in found.stdout
    assert call("hub.cli", "lessons", "check", "--fix").returncode == 0
    source.write_text(kept[0].replace("Twice as sure", "Two times as sure"))
    fixed = call("hub.cli", "lessons", "check", "--fix")
    assert fixed.returncode == 1
    assert "i18n/nl/N77.md: summary: the English changed" in fixed.stdout
    assert "--accept summary" in fixed.stdout
    assert dutch.read_text() == kept[1]
    source.write_text(kept[0])
    assert "built sure-mean.en.ipynb" in call("hub.cli", "lessons", "build").stdout


def test_an_id_that_is_taken_or_badly_formed_is_refused_and_nothing_written(begun, call, project):
    before = sorted(project.rglob("*[0-9].*"))
    taken = call("hub.cli", "lessons", "new", "N77")
    assert (taken.returncode, taken.stderr.startswith("lesson N77 is already there (")) == (2, True), taken.stderr
    assert "Nothing was written." in taken.stderr
    badly = call("hub.cli", "lessons", "new", "../N5")
    assert (badly.returncode, badly.stderr.startswith("'../N5' is no id for a lesson; write ")) == (2, True)
    assert "Nothing was written." in badly.stderr
    assert sorted(project.rglob("*[0-9].*")) == before


@pytest.mark.parametrize("wrong", ["D2", "n5", "N", "N5555", "N5\n", "", "5N"])
def test_no_other_id_is_taken_for_one(wrong):
    with pytest.raises(CannotBeginError, match="Nothing was written"):
        begin(wrong)


def test_a_lesson_that_is_not_there_is_named(begun, call):
    done = call("hub.cli", "lessons", "run", "Q1")
    assert done.returncode == 2
    known = sorted(path.stem for path in (ROOT / "tutorials" / "catalogue").glob("[A-Z]*.yaml"))
    assert done.stderr.startswith("there is no lesson 'Q1' in catalogue/; there are ")
    assert {*known, "N77"} <= set(done.stderr.replace(",", " ").split())
