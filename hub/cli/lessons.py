"""`werkbank lessons`: for those who write lessons, and for those who offer them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hub.cli import lesson_environment
from hub.errors import WerkbankError
from tutorials.build.catalogue import lessons, read_entry
from tutorials.build.extras import ENVIRONMENT, MissingExtrasError, extras, python_for
from tutorials.build.refusals import CatalogueError

app = typer.Typer(
    help="Build, check, run and begin lessons; install what they need.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Lesson = Annotated[str, typer.Argument(metavar="ID", help="The lesson, for example D2.")]

OFFER = """\
environments:
  lessons:
    title: {{en: Lessons, nl: Lessen}}
    prefix: {prefix}
profiles:
  - name: lessons
    title: {{en: Lessons, nl: Lessen}}
    description:
      en: For lessons that need more libraries.
      nl: Voor lessen die meer bibliotheken nodig hebben.
    environment: lessons
    cpu: 2
    memory: 4GiB
    dask: {{workers: 2, worker_cores: 1, worker_memory: 1GiB, clusters: 1}}
"""


class LessonError(WerkbankError):
    """That cannot be done with this lesson."""


@app.command("build")
def build(
    chosen: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Left out, all lessons.")] = None,
    trainer: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write notebooks with solutions and notes for trainers there.")
    ] = None,
) -> None:
    """Build notebooks, training material, catalogue and table from the sources."""
    from tutorials.build.notebooks import build as notebooks_of
    from tutorials.build.notebooks import write
    from tutorials.build.outputs import rebuild

    with _sentences():
        if trainer is None:
            built = rebuild(chosen or lessons())
        else:
            files = {name: text for one in chosen or lessons() for name, text in notebooks_of(one, "trainer").items()}
            built = [str(path) for path in write(files, trainer)]
    typer.echo("\n".join(f"built {name}" for name in built) or "Everything was built already.")


@app.command("check")
def check(
    fix: Annotated[bool, typer.Option("--fix", help="Repair what needs no person; accepts no translation.")] = False,
) -> None:
    """Say all that can be said without running: catalogue, headers, Dutch, notebooks. Exit 1 with findings."""
    from tutorials.build.checking import findings
    from tutorials.build.outputs import rebuild

    with _sentences():
        found = findings()
        if fix and found and all(finding.is_repairable for finding in found):
            typer.echo("\n".join(f"built {name}" for name in rebuild(lessons())))
            found = findings()
    for finding in found:
        typer.echo(finding.said + ("; --fix rebuilds it" if finding.is_repairable else ""))
    if found:
        raise typer.Exit(1)
    typer.echo(f"{len(lessons())} lessons, nothing to say.")


@app.command("run")
def run(chosen: Annotated[list[str], typer.Argument(metavar="ID…", help="Lessons, for example S1 R2.")]) -> None:
    """Execute lessons as learners get them and solved, in both languages, offline. Exit 1 when something is wrong."""
    with _sentences():
        for lesson in chosen:
            python_for(read_entry(lesson))  # refused before anything moves
    are_good = [_tried(lesson) for lesson in chosen]
    if not all(are_good):
        raise typer.Exit(1)


def _tried(lesson: str) -> bool:
    """Run one lesson, show what came of it, and return whether it is good."""
    from nbclient.exceptions import CellTimeoutError

    from tutorials.build.trial import trials

    with _sentences(), _progress() as show:
        try:
            verdicts = list(trials(lesson, show))
        except CellTimeoutError:
            raise LessonError(f"A cell of lesson {lesson} took longer than a whole lesson may (120 s).") from None
    _show(lesson, verdicts, Console())
    return not any(verdict.problems for verdict in verdicts)


@app.command("new")
def new(lesson: Lesson) -> None:
    """Write a small lesson that is complete: source, Dutch, catalogue, numbers, exercises, words, tests."""
    from tutorials.build.beginning import CannotBeginError, begin, record
    from tutorials.build.trial import trials

    with _sentences():
        try:
            files = begin(lesson)
        except CannotBeginError as refused:
            raise LessonError(str(refused)) from None
        with _progress() as show:
            verdicts = list(trials(lesson, show))
        record(lesson, max(one.seconds for one in verdicts), max(one.peak_mib for one in verdicts))
    for file in files:
        typer.echo(f"wrote {file}")
    typer.echo(
        f"Lesson {lesson} is there and works. Replace it part by part (tutorials/README.md); in between, run\n"
        f"  ./werkbank lessons check && ./werkbank lessons run {lesson} && ./werkbank test unit -k {lesson}"
    )


@app.command("install")
def install(
    named: Annotated[list[str] | None, typer.Argument(metavar="[EXTRA…]", help="Left out, all extras.")] = None,
    for_tests: Annotated[bool, typer.Option("--tests", help="And what the tests of lessons need.")] = False,
) -> None:
    """Make .venv-lessons: a lab with libraries that lessons need and no seat should carry without need."""
    say = Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print
    wanted = named or extras()
    if not lesson_environment.ensure(wanted, for_tests=for_tests, say=say):
        typer.echo("Everything was installed already.")
    typer.echo(f"{ENVIRONMENT} has {', '.join(wanted)}. To offer it, write in werkbank.yaml:\n")
    typer.echo(OFFER.format(prefix=ENVIRONMENT))


@contextmanager
def _sentences() -> Iterator[None]:
    """What can be wrong with lessons, as sentences."""
    from tutorials.build.source import SourceError
    from tutorials.build.translation import TranslationError

    try:
        yield
    except (CatalogueError, SourceError, TranslationError, MissingExtrasError) as problem:
        raise LessonError(str(problem)) from None


@contextmanager
def _progress() -> Iterator[Any]:
    """Shows which notebook is at which cell."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("cell {task.completed} of {task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda variant, language, number, of: progress.update(
            task, description=f"{variant}, {language}", completed=number + 1, total=of
        )


def _show(lesson: str, verdicts: list[Any], console: Console) -> None:
    table = Table(box=None, header_style="bold", title=lesson, title_justify="left")
    for title in ("notebook", "language", "seconds", "MiB", "numbers", "exercises passed", "verdict"):
        table.add_column(title, justify="right" if title in ("seconds", "MiB") else "left")
    for one in verdicts:
        table.add_row(
            one.variant,
            one.language,
            f"{one.seconds:.1f}",
            f"{one.peak_mib:.0f}",
            f"{one.numbers_kept} of {one.numbers_promised}",
            f"{one.exercises_passed} of {one.exercises}",
            "[red]wrong[/]" if one.problems else "[green]good[/]",
        )
    console.print(table)
    for one in verdicts:
        for problem in one.problems:
            console.print(f"{one.variant}, {one.language}: {escape(problem)}", highlight=False, soft_wrap=True)


def needed_extras() -> list[str]:
    """The extras of all lessons that there are."""
    return sorted({extra for lesson in lessons() for extra in read_entry(lesson).extras})


def is_needed_elsewhere() -> bool:
    """Whether lessons need more than this Python has."""
    try:
        return any(python_for(read_entry(lesson)) != sys.executable for lesson in lessons())
    except MissingExtrasError:
        return True
