"""A lesson tried out: learner's and solved notebook in both languages, offline, with a verdict for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .catalogue import LANGUAGES, read_entry
from .execution import MEBIBYTES, SECONDS, execute
from .extras import python_for
from .notebooks import lesson_cells
from .variants import learner, solved
from .verdict import complaints, figures_without_alt, numbers, passed

VARIANTS = ("learner", "solution")

OnCell = Callable[[str, str, int, int], None]


@dataclass(frozen=True)
class Verdict:
    """What one notebook showed. ``problems`` is empty when it did all that it should."""

    variant: str
    language: str
    seconds: float
    peak_mib: float
    numbers_kept: int
    numbers_promised: int
    exercises_passed: int
    exercises: int
    problems: tuple[str, ...]


def trials(lesson: str, on_cell: OnCell) -> Iterator[Verdict]:
    """Run the four notebooks of ``lesson`` one after the other; ``on_cell`` hears variant, language, cell, of cells.

    Raises `MissingExtrasError` where no Python has what the lesson needs, and nbclient's CellTimeoutError.
    """
    python = python_for(read_entry(lesson))
    with TemporaryDirectory(prefix="lesson-") as folder:
        fonts = Path(folder, "fonts")
        fonts.mkdir()
        for variant in VARIANTS:
            for language in LANGUAGES:
                home = Path(folder, f"{variant}-{language}")
                home.mkdir()
                yield _trial(lesson, variant, language, home, fonts, python, on_cell)


def _trial(lesson: str, variant: str, language: str, home: Path, fonts: Path, python: str, on_cell: OnCell) -> Verdict:
    entry = read_entry(lesson)
    cells = lesson_cells(lesson, language)
    strict = {"WERKBANK_STRICT": "1"} if variant == "solution" else {}
    run = execute(
        learner(cells, language) if variant == "learner" else solved(cells),
        entry,
        language,
        home,
        python=python,
        allow_errors=True,
        environment={"MPLCONFIGDIR": str(fonts)} | strict,
        on_cell=lambda number, of: on_cell(variant, language, number, of),
    )
    found = numbers(lesson, run.notebook, language)
    done = passed(entry, run.notebook, language)
    problems = complaints(run.notebook) + [number.sentence() for number in found if not number.is_kept]
    problems += _of_cost(run.seconds, run.peak_mib, entry.resources.memory_gb)
    if variant == "solution":
        problems += [f"{one.id}: its solution does not pass" for one in entry.exercises if one.id not in done]
        problems += [f"{lid}: shows no figure with its text alternative" for lid in figures_without_alt(run.notebook)]
    else:
        problems += [f"{one}: its starter passes already" for one in done]
    return Verdict(
        variant,
        language,
        run.seconds,
        run.peak_mib,
        sum(number.is_kept for number in found),
        len(found),
        len(done),
        len(entry.exercises),
        tuple(problems),
    )


def _of_cost(seconds: float, peak_mib: float, promised_gb: float) -> list[str]:
    most = min(MEBIBYTES, 1024 * promised_gb)
    slow = [f"took {seconds:.0f} s; at most {SECONDS} are allowed"] if seconds > SECONDS else []
    return slow + ([f"took {peak_mib:.0f} MiB; at most {most:.0f} are allowed"] if peak_mib > most else [])
