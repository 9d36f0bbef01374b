"""The server extension: a real Jupyter Server starts, with lessons where it can and without them where it cannot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile

import pytest

from .support import LESSON_KIT, ROOT, answers, free_port, wait_until

TOKEN = "lessons-under-test"


@pytest.fixture
def start_server(tmp_path):
    """Start a seat's Jupyter Server with the extension enabled by its config file; returns its log once it answers."""
    running = []

    def start(**environment):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        port = free_port()
        paths = {
            "HOME": str(home),
            "PYTHONPATH": str(LESSON_KIT),
            "JUPYTER_CONFIG_PATH": str(LESSON_KIT / "jupyter-config"),
            "WERKBANK_LESSONS": str(ROOT / "tutorials" / "notebooks"),
        }
        command = [
            sys.executable,
            "-m",
            "jupyter_server",
            f"--port={port}",
            "--no-browser",
            "--allow-root",
            f"--IdentityProvider.token={TOKEN}",
        ]
        log = tmp_path / "log"
        with log.open("w") as stream:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG"))}
            server = subprocess.Popen(
                command, stdout=stream, stderr=stream, env=inherited | paths | environment, cwd=home
            )
        running.append(server)
        url = f"http://127.0.0.1:{port}/api/status?token={TOKEN}"
        wait_until(lambda: server.poll() is not None or answers(url))
        assert server.poll() is None, log.read_text()
        return home, log.read_text()

    yield start
    for server in running:
        server.terminate()
        server.wait(timeout=30)


def test_a_seat_starts_with_its_lessons_in_place(start_server):
    home, log = start_server()
    placed = sorted(path.name for path in (home / "tutorials" / "D2-two-futures").iterdir())
    assert placed == ["two-futures.en.ipynb", "two-futures.nl.ipynb"]
    built = len(list((ROOT / "tutorials" / "notebooks").glob("*/*.ipynb")))
    assert f"lessons.place {built} placed" in log


def test_a_seat_starts_when_lessons_cannot_be_placed_and_the_log_says_why(start_server, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "tutorials").write_text("a file where a folder should be")
    _, log = start_server()
    assert "was not placed" in log


def test_a_seat_without_lessons_starts_and_says_nothing(start_server):
    home, log = start_server(WERKBANK_LESSONS="")
    assert not (home / "tutorials").exists()
    assert "lessons.place" not in log


def test_a_seat_serves_its_lessons_to_the_panel_and_refuses_in_sentences(start_server):
    home, log = start_server()
    address = re.search(r"http://127\.0\.0\.1:\d+", log).group()

    def ask(path, method="GET", token=TOKEN):
        headers = {"Authorization": f"token {token}"}
        request = urllib.request.Request(f"{address}/werkbank/lessons{path}", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read() or b"{}")

    status, told = ask("")
    assert (status, told["problems"]) == (200, [])
    (lesson,) = [one for one in told["lessons"] if one["id"] == "D2"]
    assert lesson["notebooks"]["nl"] == {
        "path": "tutorials/D2-two-futures/two-futures.nl.ipynb",
        "state": "untouched",
        "newer": False,
    }
    (home / lesson["notebooks"]["nl"]["path"]).write_text("{}")
    status, done = ask("/D2/nl/reset", "POST")
    assert (status, done["kept"]) == (200, "tutorials/D2-two-futures/two-futures.nl.mine-1.ipynb")
    assert ask("/D9/nl/open", "POST") == (
        404,
        {"message": "There is no lesson D9 in this language (nl) here.", "reason": None},
    )
    assert ask("/D2/nl/explode", "POST")[0] == 404
    assert ask("", token="somebody-elses")[0] == 403


def test_the_extension_costs_a_starting_seat_no_scientific_imports():
    heavy = {"dask", "matplotlib", "numpy", "xarray"}
    code = f"import sys, werkbank_lessons.extension; print(sorted({heavy} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(LESSON_KIT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_installing_the_wheel_enables_the_extension(tmp_path):
    pytest.importorskip("hatchling", reason="building the wheel needs hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=LESSON_KIT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("data/etc/jupyter/jupyter_server_config.d/werkbank_lessons.json") for name in names)
    assert {"werkbank_lessons/words/en.toml", "werkbank_lessons/words/nl.toml"} <= set(names)
    assert "werkbank_lessons/data/letter-ai-faciliteit.txt" in names
