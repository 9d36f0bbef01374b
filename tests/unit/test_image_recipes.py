"""What images are made of: which files decide what each is, and that their recipes are sound."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hub.errors import WerkbankError
from hub.images.build import Builder, source_date
from hub.images.contents import locked_versions
from hub.images.program import Program, find
from hub.images.recipes import DELIVERED, GPU, LOCK, RECIPES, files_of, needed
from tests.support.workbench import ROOT

LAB = {f"{name}{step}" for name in ("lab", "lab-gpu", "werkbank") for step in ("-libraries", "")}
OURS = {"parts", "hub", "lab", "lab-gpu", "worker", "werkbank"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that images are built from."""
    copy = tmp_path_factory.mktemp("checkout")
    for recipe in RECIPES.values():
        for file in files_of(recipe, ROOT):
            there = copy / file.relative_to(ROOT)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, there)
    return copy


def fingerprints(root: Path) -> dict[str, str]:
    builder = Builder(Program("podman"), "debian", root)
    known = {"": "base"}
    for recipe in needed((*DELIVERED, GPU)):
        known[recipe.name] = builder.fingerprint(recipe, known, "abc")
    return known


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("images/base/Containerfile", set(RECIPES)),
        ("images/bootstrap.lock", set(RECIPES) - {"base"}),
        (LOCK, set(RECIPES) - {"base"}),
        ("images/lab/Containerfile", LAB),
        ("images/lab/requirements.in", LAB),
        ("images/hub/serve", {"hub", "werkbank"}),
        ("images/lab-gpu/lab-gpu.lock", {"lab-gpu-libraries", "lab-gpu"}),
        ("hub/configure.py", OURS),
        ("werkbank.yaml", OURS),
    ],
)
def test_a_changed_file_builds_what_is_made_of_it_and_nothing_else(
    checkout: Path, file: str, changes: set[str]
) -> None:
    before = fingerprints(checkout)
    content = (checkout / file).read_bytes()
    (checkout / file).write_bytes(content + b"\n# changed\n")
    try:
        after = fingerprints(checkout)
    finally:
        (checkout / file).write_bytes(content)
    assert {name for name in before if before[name] != after[name]} == changes
    assert fingerprints(checkout) == before


def test_what_is_built_beside_the_sources_is_no_input() -> None:
    for recipe in RECIPES.values():
        for file in files_of(recipe, ROOT):
            assert not {"__pycache__", "node_modules", "labextension"} & set(file.parts)


def test_containerfiles_are_clean() -> None:
    files = [str(file) for file in sorted((ROOT / "images").glob("*/Containerfile"))]
    assert len(files) >= 6
    done = subprocess.run([Path(sys.prefix) / "bin" / "hadolint", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "script", ["base/begin", "tools/online", "parts/assemble", "hub/serve", "hub/werkbank", "werkbank/with-accounts"]
)
def test_scripts_of_images_are_clean(script: str) -> None:
    done = subprocess.run(
        [Path(sys.prefix) / "bin" / "shellcheck", "--exclude=SC1091", ROOT / "images" / script],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_a_lock_is_read_as_it_holds_for_the_python_of_an_image() -> None:
    old, new = (locked_versions(ROOT / LOCK, python) for python in ("3.11.2", "3.14.0"))
    assert old["jupyterhub"] == new["jupyterhub"]
    assert {name for name in old.keys() & new.keys() if old[name] != new[name]}, "some go on without Python 3.11"


def test_every_folder_of_an_image_stands_in_the_manual() -> None:
    manual = (ROOT / "images" / "README.md").read_text(encoding="utf-8")
    assert [name for name in {recipe.folder for recipe in RECIPES.values()} if f"`{name}/`" not in manual] == []


def test_a_moment_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(WerkbankError, match="SOURCE_DATE_EPOCH: 'yesterday' is not a number of seconds"):
        source_date()


def test_without_an_engine_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(WerkbankError, match=r"neither podman nor docker is on PATH \(on Debian: apt install podman\)"):
        find()
