"""Jupyter Server extension: puts the lessons in the home folder when a seat starts, and serves the panel of lessons."""

from __future__ import annotations

import os
from pathlib import Path

from .place import Places, place_lessons
from .routes import add_routes
from .shelf import Shelf

_SOURCE = "WERKBANK_LESSONS"


def _load_jupyter_server_extension(serverapp):
    """Place the lessons of ``$WERKBANK_LESSONS`` under ``~/tutorials``.

    Called once by jupyter_server while a seat starts. It returns normally whatever happens: a seat without lessons is
    usable, a seat that does not start is not.
    """
    source = os.environ.get(_SOURCE)
    if not source:
        serverapp.log.debug("lessons.place skipped: %s is not set", _SOURCE)
        return
    add_routes(serverapp, Shelf(Path(source), Places.of_user()))
    try:
        report = place_lessons(Path(source), Places.of_user(), serverapp.log)
    except Exception as problem:  # the promise above: nothing here may stop a seat
        serverapp.log.warning("lessons.place failed, the seat starts without new lessons: %s", problem)
        return
    serverapp.log.info("lessons.place %s", report.sentence())
