"""Command line of the build: ``python -m tutorials.build --help``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .catalogue import ROOT, lessons
from .outputs import out_of_date, rebuild
from .refusals import CatalogueError
from .source import SourceError, read_source
from .translation import TranslationError, accept, problems, read_translation


def main(arguments: list[str] | None = None) -> int:
    """Build, check or accept; returns the exit status, 1 when something must be done by a person."""
    options = _parser().parse_args(arguments)
    chosen = options.lessons or lessons()
    try:
        if options.accept:
            return _accept(chosen, options.accept)
        return _build(chosen, options)
    except (CatalogueError, SourceError, TranslationError) as problem:
        print(problem, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tutorials.build", description="Build lesson notebooks from their sources.", allow_abbrev=False
    )
    parser.add_argument("lessons", nargs="*", help="lesson ids, for example D2 (default: all)")
    parser.add_argument("--variant", choices=("learner", "trainer"), default="learner")
    parser.add_argument("--output", type=Path, default=ROOT / "notebooks", help="folder for the notebooks")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a notebook is out of date")
    parser.add_argument(
        "--accept", nargs="+", metavar="LID", help="record that these Dutch texts match today's English ('all' for all)"
    )
    return parser


def _build(chosen: list[str], options: argparse.Namespace) -> int:
    if options.check:
        stale = out_of_date(chosen, options.output, options.variant)
        for name in stale:
            print(f"{name} is out of date: run python -m tutorials.build", file=sys.stderr)
        return 1 if stale else 0
    for name in rebuild(chosen, options.output, options.variant):
        print(f"built {name}")
    return 0


def _accept(chosen: list[str], lids: list[str]) -> int:
    """Record translations as read again, and say what is still missing or stale."""
    left = []
    for lesson in chosen:
        cells = read_source(lesson)
        accept(lesson, "nl", [cell.lid for cell in cells] if lids == ["all"] else lids, cells)
        left += [f"{lesson}.nl {problem}" for problem in problems(cells, read_translation(lesson, "nl"))]
    for problem in left:
        print(problem, file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
