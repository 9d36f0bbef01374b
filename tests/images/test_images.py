"""The images as a site gets them: built here from the checkout, started, and looked into."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from hub.images.build import Builder, Built
from hub.images.contents import look
from hub.images.program import Program
from hub.images.recipes import DELIVERED, LOCAL_DEBIAN, RECIPES, files_of
from tests.support.containers import Engine
from tests.support.images import images
from tests.support.workbench import ROOT, eventually, run_werkbank

MOST_MB = {"hub": 450, "lab": 900, "worker": 450, "werkbank": 1200}
LAB_ONLY = {"jupyterlab", "ipykernel", "jupyterhub", "werkbank-lab", "werkbank-kernels"}
REFUSED = 78


@pytest.fixture(autouse=True)
def _engine_of_the_tests(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def started(engine: Engine, built: dict[str, Any]) -> Iterator[Any]:
    """Starts containers in the background, and takes them away with their volumes."""
    names: list[str] = []

    def start(image: str, *words: str, options: tuple[str, ...] = ()) -> str:
        name = engine.run("run", "--detach", *options, RECIPES[image].tag, *words).stdout.strip()
        names.append(name)
        return name

    yield start
    for name in names:
        engine.run("rm", "--force", "--volumes", name)


def healthy(engine: Engine, name: str) -> bool:
    return engine.run("healthcheck", "run", name, check=False).returncode == 0


def said(engine: Engine, name: str) -> str:
    done = engine.run("logs", name)
    return done.stdout + done.stderr


def stop_process(engine: Engine, name: str, words: str) -> None:
    """Let a process of a container stand still, as one that hangs."""
    code = (
        "import os, pathlib, signal\n"
        "for folder in pathlib.Path('/proc').glob('[0-9]*'):\n"
        "    line = (folder / 'cmdline').read_bytes().replace(b'\\0', b' ').decode()\n"
        f"    if {words!r} in line and int(folder.name) not in (1, os.getpid()):\n"
        f"        os.kill(int(folder.name), {int(signal.SIGSTOP)})\n"
        "        print(line)\n"
    )
    assert words in engine.run("exec", name, "/usr/bin/python3", "-c", code).stdout


# --- what they are -----------------------------------------------------------------------------------------


def test_each_image_is_what_it_promises(engine: Engine, built: dict[str, Any]) -> None:
    done = images(engine, "test", "--json")
    assert json.loads(done.stdout) == {name: [] for name in DELIVERED}
    assert done.returncode == 0


def test_images_are_small(engine: Engine, built: dict[str, Any]) -> None:
    sizes = json.loads(images(engine, "size", "--json").stdout)
    assert {name: one["mb"] for name, one in sizes.items() if one["mb"] > MOST_MB[name]} == {}


def test_a_changed_line_of_ours_makes_less_than_20_mb_anew(engine: Engine, built: dict[str, Any]) -> None:
    for name in DELIVERED:
        names = (RECIPES[name].tag, RECIPES[f"{name}-libraries"].tag)
        whole, libraries = (engine.told("image", "inspect", one)[0] for one in names)
        under = libraries["RootFS"]["Layers"]
        assert whole["RootFS"]["Layers"][: len(under)] == under, name
        assert whole["Size"] - libraries["Size"] < 20e6, name


def test_a_worker_has_what_a_seat_has_in_the_same_versions(built: dict[str, Any]) -> None:
    podman = Program("podman")
    worker, lab = look(podman, "worker").python, look(podman, "lab").python
    assert {name: version for name, version in worker.items() if lab.get(name) != version} == {}
    assert {"dask", "distributed", "numpy", "pandas", "xarray", "matplotlib"} <= worker.keys()
    assert lab.keys() - worker.keys() >= LAB_ONLY


def test_a_bill_of_materials_is_valid_and_names_every_part_and_its_licence(
    engine: Engine, built: dict[str, Any], tmp_path: Path
) -> None:
    done = images(engine, "sbom", "--to", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    for name in DELIVERED:
        text = (tmp_path / f"{name}.cdx.json").read_text()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        parts = {(part["name"].lower(), part["version"]) for part in json.loads(text)["components"]}
        facts = look(Program("podman"), name).facts
        for kind in ("python", "debian", "node"):
            assert {(one["name"].lower(), one["version"]) for one in facts[kind]} <= parts
        licences = (tmp_path / f"{name}.licences.txt").read_text()
        assert "BSD-3-Clause: " in licences
    bills = {name: json.loads((tmp_path / f"{name}.cdx.json").read_text())["serialNumber"] for name in DELIVERED}
    images(engine, "sbom", "hub", "--to", str(tmp_path))
    assert json.loads((tmp_path / "hub.cdx.json").read_text())["serialNumber"] == bills["hub"]


def test_starts_are_measured_beside_stock_and_no_container_stays(engine: Engine, built: dict[str, Any]) -> None:
    before = engine.run("ps", "--all", "--quiet").stdout

    done = run_werkbank("bench", "images", "--runs", "1", "--json", timeout=400)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["figures"].pop("cold_s") is None
    assert [name for name, value in report["figures"].items() if not value] == []
    assert report["starts"].keys() == {"stock", "hub", "werkbank", "lab", "worker"}
    assert engine.run("ps", "--all", "--quiet").stdout == before


# --- how they are built ------------------------------------------------------------------------------------


def test_what_has_not_changed_is_not_built_again(engine: Engine, built: dict[str, Any]) -> None:
    again = json.loads(images(engine, "build", "--json").stdout)
    assert {name: one["id"] for name, one in again.items()} == {name: one["id"] for name, one in built.items()}
    assert not any(one["built"] for one in again.values())


def test_a_change_that_makes_no_image_another_is_known_once_it_was_built(
    engine: Engine, built: dict[str, Any], tmp_path: Path
) -> None:
    for file in files_of(RECIPES["base"], ROOT):
        (tmp_path / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, tmp_path / file.relative_to(ROOT))
    with (tmp_path / "images/base/Containerfile").open("a") as containerfile:
        containerfile.write("# Words for whoever reads it.\n")

    def base() -> Built:
        return next(iter(Builder(Program("podman"), LOCAL_DEBIAN, tmp_path).build(["base"], print)))

    tag = RECIPES["base"].tag
    before = engine.told("image", "inspect", tag)[0]["Id"]
    try:
        first, second = base(), base()
    finally:
        engine.run("tag", before, tag)

    assert (first.is_new, second.is_new) == (True, False)


def test_the_same_inputs_give_the_same_image(engine: Engine, built: dict[str, Any]) -> None:
    anew = images(engine, "build", "worker", "--no-cache", "--json")
    assert anew.returncode == 0, anew.stderr
    worker = json.loads(anew.stdout)["worker"]
    assert (worker["id"], worker["built"]) == (built["worker"]["id"], True)


def test_an_image_that_is_not_there_is_a_sentence(engine: Engine) -> None:
    done = images(engine, "build", "hbu")
    assert (done.returncode, "There is no image 'hbu'; there are werkbank, hub, lab," in done.stderr) == (2, True)


def test_a_base_that_cannot_be_had_is_a_sentence_and_nothing_is_built(engine: Engine) -> None:
    done = images(engine, "build", "worker", "--base", "localhost/nobody/has:this")
    assert done.returncode == 2
    assert "The base image localhost/nobody/has:this cannot be had" in " ".join(done.stderr.split())
    assert "werkbank images base" in " ".join(done.stderr.split())


# --- how they run ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "options", "process"),
    [
        ("hub", ("--volume=/var/lib/werkbank",), "hub.service"),
        ("lab", (), "jupyter-lab"),
        ("worker", (), "dask scheduler"),
    ],
)
def test_health_turns_red_when_what_it_serves_hangs(
    engine: Engine, started: Any, image: str, options: tuple[str, ...], process: str
) -> None:
    name = started(image, options=options)
    eventually(lambda: healthy(engine, name), 120, f"{image} is healthy: {said(engine, name)}")
    stop_process(engine, name, process)
    eventually(lambda: not healthy(engine, name), 30, "it is seen")


def test_a_hub_that_is_asked_to_end_ends_in_order_and_goes_on_from_its_volume(engine: Engine, started: Any) -> None:
    volume = engine.run("volume", "create").stdout.strip()
    try:
        first = started("hub", options=(f"--volume={volume}:/var/lib/werkbank",))
        eventually(lambda: "Werkbank is ready" in said(engine, first), 120, "it is ready")
        engine.run("stop", "--time=40", first)
        assert "Werkbank is stopped." in said(engine, first)
        assert engine.told("inspect", first)[0]["State"]["ExitCode"] == 0
        engine.run("rm", first)
        second = started("hub", options=(f"--volume={volume}:/var/lib/werkbank",))
        eventually(lambda: "Werkbank is ready" in said(engine, second), 120, "it is ready again")
    finally:
        engine.run("volume", "rm", "--force", volume)


def refused(engine: Engine, *options: str) -> str:
    command = ["podman", "run", "--rm", "--network=none", *options, "localhost/werkbank/lab", "true"]
    done = subprocess.run(command, env=engine.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == REFUSED, done.stderr
    return done.stderr


def test_a_volume_of_somebody_else_is_a_sentence(engine: Engine, built: dict[str, Any], tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    told = refused(engine, f"--volume={tmp_path}:/home/werkbank")
    assert "/home/werkbank belongs to user 0:0, and this container runs as 1000:1000" in told
    assert "chown -R 1000:1000" in told


def test_a_volume_that_is_read_only_is_a_sentence(engine: Engine, built: dict[str, Any], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert "is mounted read-only" in refused(engine, f"--volume={tmp_path}:/home/werkbank:ro")


def test_a_full_disk_is_a_sentence(engine: Engine, built: dict[str, Any], tmp_path: Path) -> None:
    full = ("-t", "tmpfs", "-o", "size=64k,nr_inodes=1,mode=1777", "full", str(tmp_path))
    subprocess.run(["mount", *full], check=True)
    try:
        told = refused(engine, f"--volume={tmp_path}:/home/werkbank")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert "the disk under /home/werkbank is full" in told


# --- with GPUs ---------------------------------------------------------------------------------------------

TORCH = """
import torch
assert not torch.cuda.is_available()
assert torch.version.cuda.startswith("13")
double = torch.compile(lambda x: (x * 2).sum())
print(float(double(torch.ones(21))))
"""


@pytest.mark.skipif("WERKBANK_TEST_LAB_GPU" not in os.environ, reason="6 GB; WERKBANK_TEST_LAB_GPU=1 builds it")
def test_the_lab_for_gpus_computes_on_the_cpu_where_there_is_none_and_says_which_driver_it_needs(
    engine: Engine, built: dict[str, Any]
) -> None:
    assert images(engine, "build", "lab-gpu").returncode == 0
    assert json.loads(images(engine, "test", "lab-gpu", "--json").stdout) == {"lab-gpu": []}
    done = engine.run("run", "--rm", "--network=none", RECIPES["lab-gpu"].tag, "python", "-c", TORCH)
    assert done.stdout.strip() == "42.0"
    labels = engine.told("image", "inspect", RECIPES["lab-gpu"].tag)[0]["Labels"]
    assert labels["nl.werkbank.driver"] == ">=580"
