"""The environment of the lessons: whole or not there, quick when nothing changed, and offered in words that work."""

import sys
from pathlib import Path
from typing import NoReturn

import pytest
from ruamel.yaml import YAML

from hub.cli import lesson_environment, lessons, test
from hub.cli.lesson_environment import NotInstalled, UnknownExtra, ensure
from hub.runtime import ROOT
from hub.settings import load
from tutorials.build.extras import MissingExtrasError, distributions, extras


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lessons"
    monkeypatch.setattr(lesson_environment, "ENVIRONMENT", folder)
    monkeypatch.setattr(lesson_environment, "PYTHON", folder / "bin" / "python")
    return folder


@pytest.fixture
def steps(environment: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be run; each step works, and the first makes a Python that has nothing."""
    found: list[str] = []

    def run(step: lesson_environment._Step) -> None:
        found.append(" ".join(map(str, step.command)))
        (environment / "bin").mkdir(parents=True, exist_ok=True)
        python = environment / "bin" / "python"
        if not python.exists():
            python.symlink_to("/bin/false")

    monkeypatch.setattr(lesson_environment, "_run", run)
    return found


def silent(_words: str) -> None:
    pass


def test_an_unknown_extra_is_refused_with_those_there_are(steps: list[str], environment: Path) -> None:
    with pytest.raises(UnknownExtra, match=r"no extra gold; allowed are bio, .*Nothing was installed"):
        ensure(["bio", "gold"], for_tests=False, say=silent)
    assert steps == []
    assert not environment.exists()


def test_it_holds_the_lab_the_extras_and_our_own_extensions(steps: list[str]) -> None:
    told: list[str] = []
    assert ensure(["bio"], for_tests=False, say=told.append)
    made, libraries, ours = steps
    assert "venv" in made
    assert "images/lab/requirements.in" in libraries
    assert "images/lessons/bio/requirements.in" in libraries
    assert "images/hub/requirements.in" not in libraries
    assert "-c " + str(ROOT / "images" / "lessons.lock") in libraries
    assert {f"extensions/{name}" for name in ("kernels", "lab", "lessons", "seat", "zygote")} <= {
        "/".join(word.split("/")[-2:]) for word in ours.split()
    }
    assert len(told) == 3


def test_torch_comes_from_plain_pip_and_before_what_needs_it(steps: list[str]) -> None:
    ensure(["federated"], for_tests=False, say=silent)
    assert [f"pip install --quiet {lesson_environment.TORCH}" in step for step in steps] == [False, True, False, False]


def test_a_second_time_nothing_is_done_and_more_is_added_to_what_there_is(steps: list[str]) -> None:
    assert ensure(["bio"], for_tests=False, say=silent)
    steps.clear()
    assert not ensure(["bio"], for_tests=False, say=silent)
    assert steps == []
    assert ensure(["energy"], for_tests=True, say=silent)
    assert "lessons/bio/" in steps[-2]
    assert "lessons/energy/" in steps[-2]
    assert "tests/requirements.in" in steps[-2]
    assert not ensure(["bio"], for_tests=False, say=silent), "what the tests need may stay"


def test_a_changed_lock_or_extension_makes_it_anew(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(["energy"], for_tests=False, say=silent)
    monkeypatch.setattr(lesson_environment, "_has_newer_extension", lambda: True)
    assert ensure(["energy"], for_tests=False, say=silent)
    monkeypatch.setattr(lesson_environment, "_has_newer_extension", lambda: False)
    monkeypatch.setattr(lesson_environment, "TORCH", "torch==9")
    assert ensure(["energy"], for_tests=False, say=silent)


def test_a_stamp_that_cannot_be_read_makes_it_anew(steps: list[str], environment: Path) -> None:
    ensure(["energy"], for_tests=False, say=silent)
    (environment / lesson_environment.STAMP).write_text("half a li")
    assert ensure(["energy"], for_tests=False, say=silent)


def test_without_a_network_one_sentence_says_so_and_nothing_is_left(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    with pytest.raises(NotInstalled, match=r"the package index cannot be reached .*nothing is left half-installed"):
        ensure(["energy"], for_tests=False, say=silent)
    assert not environment.exists()


def test_an_older_environment_that_could_not_be_changed_is_begun_again(
    steps: list[str], environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(["energy"], for_tests=False, say=silent)

    def fail(_step: object) -> NoReturn:
        raise NotInstalled

    with monkeypatch.context() as broken:
        broken.setattr(lesson_environment, "_run", fail)
        with pytest.raises(NotInstalled):
            ensure(["bio"], for_tests=False, say=silent)
    assert (environment / "bin" / "python").is_symlink()
    assert ensure(["energy"], for_tests=False, say=silent)


def test_a_step_that_fails_for_another_reason_says_which_and_why(environment: Path) -> None:
    code = "import sys; sys.exit('the disk is full')"
    with pytest.raises(NotInstalled, match=r"while: copying\): the disk is full"):
        lesson_environment._run(lesson_environment._Step("copying", [sys.executable, "-c", code]))


def test_what_an_admin_is_told_to_write_can_be_used(tmp_path: Path) -> None:
    yaml = YAML()
    settings = yaml.load((ROOT / "werkbank.yaml").read_text())
    offered = yaml.load(lessons.OFFER.format(prefix=sys.prefix))
    settings["environments"] |= offered["environments"]
    settings["profiles"] += offered["profiles"]
    with (tmp_path / "werkbank.yaml").open("w") as file:
        yaml.dump(settings, file)
    (profile,) = [one for one in load(tmp_path / "werkbank.yaml").profiles if one.name == "lessons"]
    assert profile.environment == "lessons"


def test_the_lock_holds_every_extra_with_hashes_without_torch_and_without_addresses() -> None:
    lock = (ROOT / "images" / "lessons.lock").read_text()
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))}
    wanted = {name for extra in extras() for name in distributions(extra)} - {"torch"}
    assert wanted <= pinned
    assert not {name for name in pinned if name in ("torch", "triton") or name.startswith("nvidia-c")}
    assert lock.count("--hash=sha256:") > len(pinned)
    assert "://" not in lock


@pytest.mark.parametrize("needed", [True, False])
def test_lessons_are_tested_where_their_extras_are(needed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "is_needed_elsewhere", lambda: needed)
    commands = [list(map(str, check.command)) for check in test._checks("unit", ["-k", "seats"])]
    pythons = {command[0] for command in commands if "tests/tutorials" in command}
    assert pythons == {str(lesson_environment.PYTHON) if needed else sys.executable}
    assert all(check.may_be_empty for check in test._checks("unit", ["-k", "x"])) is needed
    assert not any(check.may_be_empty for check in test._checks("unit", []))


def test_a_lesson_whose_extras_are_nowhere_needs_them_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_entry: object) -> NoReturn:
        raise MissingExtrasError("no")

    monkeypatch.setattr(lessons, "python_for", missing)
    assert lessons.is_needed_elsewhere()
