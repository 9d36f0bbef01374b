"""A kernel that needs more memory than its seat has: the notebook says so, and the seat goes on."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.notebook import Notebook
from tests.support.workbench import Visitor, Workbench, eventually

GREEDY = "print('before', flush=True); kept = [bytearray(64 * 2**20) for _ in range(64)]"
SENTENCES = {
    "en": "The kernel needed more memory than this seat has (2 GiB)",
    "nl": "De kernel had meer geheugen nodig dan deze werkplek heeft (2 GiB)",
}


def replied(notebook: Notebook, code: str) -> dict[str, Any]:
    """What a kernel replies that may be restarting: what it shows meanwhile, nobody may be connected to hear."""
    cell = notebook.run(code)
    eventually(lambda: cell.reply, what="the kernel replies")
    assert cell.reply is not None
    return cell.reply


@pytest.fixture(params=["en", "nl"])
def visitor(docked: Workbench, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody with a seat, in each language."""
    found = docked.browser("admin", request.param)
    found.start_seat()
    yield found
    found.stop_seat()


def test_a_kernel_that_needs_more_than_the_seat_has_says_so_below_its_cell(visitor: Visitor) -> None:
    notebook = Notebook(visitor, "python3")
    language = str(visitor.http.headers["Accept-Language"])
    cell = notebook.run(GREEDY)
    shown = notebook.shows(cell, SENTENCES[language])
    assert shown.startswith("before\n")
    assert visitor.hub_user()["servers"][""]["ready"]
    # It begins anew by itself, and its variables are gone.
    again = Notebook(visitor, "", running=notebook.id)
    assert replied(again, "print(kept)")["ename"] == "NameError"
    again.close()


def test_a_kernel_that_is_killed_otherwise_says_nothing_of_memory(visitor: Visitor) -> None:
    notebook = Notebook(visitor, "python3")
    notebook.done(notebook.run("import os, signal"))
    cell = notebook.run("os.kill(os.getpid(), signal.SIGKILL)")
    again = Notebook(visitor, "", running=notebook.id)
    assert replied(again, "6 * 7")["status"] == "ok"
    assert "memory" not in cell.text
    assert "geheugen" not in cell.text
    again.close()
