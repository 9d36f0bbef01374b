"""What can go wrong with an engine and its images: each is a sentence, and nothing is left half-started."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.containers.names import container_name, volume_name, workbench_id
from tests.support import broken_images
from tests.support.broken_images import NO_PROGRAM, NO_PYTHON, NOT_THERE, OTHER_MACHINE
from tests.support.containers import Engine
from tests.support.notebook import Notebook
from tests.support.seat_containers import Service, settings_of
from tests.support.workbench import ROOT, Visitor, Workbench, eventually, text_of

PROFILE = """
  - name: {name}
    title: {{en: {name}, nl: {name}}}
    description: {{en: A, nl: A}}
    cpu: 1
    memory: 1GiB
    image: {image}
"""
BROKEN = {"nowhere": NOT_THERE, "foreign": OTHER_MACHINE, "empty": NO_PROGRAM, "bare": NO_PYTHON}


@pytest.fixture(scope="module")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images that cannot be seats."""
    broken_images.make(engine, tmp_path_factory.mktemp("broken"))
    yield
    engine.run("rmi", "--force", *broken_images.FILES)


@pytest.fixture(scope="module")
def bench(images: None, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with profiles of those images."""
    folder = tmp_path_factory.mktemp("faults")
    text = settings_of(service, network="none")
    more = "".join(PROFILE.format(name=name, image=image) for name, image in BROKEN.items())
    (folder / "werkbank.yaml").write_text(text.replace("\nprogrammes:", f"{more}\nprogrammes:", 1))
    made = Workbench(folder / "state", folder / "werkbank.yaml")
    started = made.up()
    assert started.returncode == 0, started.stdout + started.stderr
    yield made
    made.end()
    service.clear_away(made)


def told_of_failure(visitor: Visitor, profile: str = "small") -> str:
    """What the page says of a start that fails."""
    visitor.post_spawn({"profile": profile})

    def told() -> str:
        reply = visitor.http.get(f"/hub/spawn-pending/{visitor.user}")
        return text_of(reply.text) if reply.status_code >= 500 else ""

    return str(eventually(told, 30, "the start has failed"))


@pytest.mark.parametrize(
    ("profile", "english", "dutch"),
    [
        (
            "nowhere",
            f"This machine does not have the image {NOT_THERE}",
            f"Deze machine heeft het image {NOT_THERE} niet",
        ),
        ("foreign", "is for another kind of processor", "is voor een ander soort processor"),
        ("empty", "Werkbank's program is not in it", "het programma van Werkbank zit er niet in"),
        ("bare", "Werkbank's program is not in it", "het programma van Werkbank zit er niet in"),
    ],
)
def test_an_image_that_cannot_be_a_seat_is_a_sentence(
    bench: Workbench, service: Service, profile: str, english: str, dutch: str
) -> None:
    for language, sentence in (("en", english), ("nl", dutch)):
        assert sentence in told_of_failure(bench.browser("scientist", language), profile)
        assert service.containers(bench) == []


def test_a_seat_that_dies_while_it_starts_says_its_last_words(bench: Workbench, service: Service) -> None:
    trainer = bench.browser("trainer")
    trainer.start_seat()
    notebook = Notebook(trainer, "python3")
    config = "import pathlib; p = pathlib.Path('.jupyter/jupyter_server_config.py'); p.parent.mkdir(exist_ok=True)\n"
    notebook.done(notebook.run(config + "p.write_text('import sys; sys.exit(\"my last words\")')"))
    notebook.close()
    trainer.stop_seat()
    assert "It said last: my last words." in told_of_failure(trainer)
    assert "my last words" in (bench.state / "logs" / "seat-trainer.default.log").read_text()
    assert service.containers(bench) == []


def test_a_full_disk_is_a_sentence(bench: Workbench, service: Service, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0777", "tmpfs", str(tmp_path)], check=True)
    try:
        volume = volume_name(bench.state, "admin")
        options = ("type=none", f"device={tmp_path}", "o=bind")
        service.engine.run("volume", "create", *(word for one in options for word in ("--opt", one)), volume)
        assert "The disk is full" in told_of_failure(bench.browser("admin"))
        assert service.containers(bench) == []
        service.engine.run("volume", "rm", volume)
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_while_the_engine_is_away_seats_go_on_and_a_start_is_refused(bench: Workbench, service: Service) -> None:
    scientist, admin = bench.browser("scientist"), bench.browser("admin", "nl")
    scientist.start_seat()
    notebook = Notebook(scientist, "python3")
    service.stop()
    try:
        assert notebook.done(notebook.run("print(6 * 7)")).strip() == "42"
        assert "De container-engine antwoordt nu niet" in told_of_failure(admin)
        assert scientist.hub_user()["servers"][""]["ready"]
    finally:
        service.start()
    assert notebook.done(notebook.run("print(6 * 7)")).strip() == "42"
    notebook.close()
    admin.start_seat()
    admin.stop_seat()
    scientist.stop_seat()
    assert service.containers(bench) == []


def test_a_seat_is_stopped_once_the_engine_is_back(bench: Workbench, service: Service) -> None:
    scientist = bench.browser("scientist")
    scientist.start_seat()
    service.stop()
    try:
        reply = scientist.http.delete("/hub/api/users/scientist/server", headers=scientist.api_headers())
        eventually(lambda: "engine.silent" in bench.hub_log and "about=stop" in bench.hub_log, what="it waits")
        assert reply.status_code in (202, 204)
    finally:
        service.start()
    eventually(lambda: service.containers(bench) == [], what="the container is gone")


def test_what_a_killed_hub_began_is_taken_away(bench: Workbench, service: Service) -> None:
    """The name of a seat's container is its own: one that is in the way is nobody's."""
    name, other = (container_name(bench.state, user, "") for user in ("scientist", "nobody"))
    for one in (name, other):
        label = f"werkbank={workbench_id(bench.state)}"
        service.engine.run("create", "--name", one, "--label", label, "--network", "none", broken_images.IMAGE, "true")
    bench.down()
    assert bench.up().returncode == 0
    scientist = bench.browser("scientist")
    scientist.start_seat()
    eventually(lambda: service.containers(bench) == [name], what="the other one is gone")
    scientist.stop_seat()


def test_a_socket_that_we_may_not_use_is_told_apart_from_one_that_is_away(service: Service) -> None:
    assert answer_at(service.socket, as_user=65_534) == "EngineClosed"
    assert answer_at(service.socket.with_name("away.sock")) == "EngineSilent"
    assert answer_at(service.socket) == "an answer"


ASK = """
import os, sys
from hub.containers.engine import Engine, EngineError
os.setuid(int(sys.argv[2]))
try:
    Engine(sys.argv[1]).ask("version")
    print("an answer")
except EngineError as error:
    print(type(error).__name__)
"""


def answer_at(socket: Path, as_user: int = 0) -> str:
    """What a process of that user gets there."""
    words = [sys.executable, "-c", ASK, str(socket), str(as_user)]
    asked = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or asked.stderr
