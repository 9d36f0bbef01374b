"""`werkbank bench …`: measurements; where there is a peer, beside it in one run."""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hub.bench.lab.plan import MOST_LEASES
from hub.bench.lab.plan import Plan as LabPlan
from hub.bench.plan import PARTS, Plan
from hub.bench.slurm.plan import GOALS
from hub.bench.slurm.plan import Plan as SlurmPlan
from hub.cli.options import DEFAULT_SETTINGS, SettingsFile
from hub.errors import WerkbankError

MOST_USERS, MOST_RUNS, MOST_HOURS, MOST_SIMULATED, DIGITS = 100, 100, 48, 5_000, 9
INTERRUPTED = 130
TABLE_WIDTH = 130
DEFAULT_PARTS = "seats,kernel,memory,cluster"

app = typer.Typer(help="Measurements.")


class BadUsers(WerkbankError):
    """That is not a list of numbers of users."""


class BadParts(WerkbankError):
    """That is not a list of parts of the measurement."""


@app.callback()
def _group() -> None:
    """Measurements on this machine. Seats are measured beside stock JupyterHub, in the same run."""


@app.command("start")
def start(
    users: Annotated[str, typer.Option(metavar="N,N…", help="How many seats to start at once.")] = "1,10",
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="How many times each, at all hubs in turn.")] = 3,
    parts: Annotated[
        str, typer.Option(metavar="PART,PART…", help=f"What to measure: {', '.join(PARTS)}; or all.")
    ] = DEFAULT_PARTS,
    memory: Annotated[
        int, typer.Option(min=1, max=MOST_USERS, metavar="N", help="Seats with kernels whose memory is measured.")
    ] = 8,
    crowd: Annotated[
        int, typer.Option(min=0, max=MOST_USERS, metavar="N", help="At the end: so many idle seats at Werkbank alone.")
    ] = 0,
    settings: SettingsFile = DEFAULT_SETTINGS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure seats, kernels and clusters beside stock JupyterHub. Exit 1 when something failed."""
    from hub.bench.run import run  # only this command needs what it imports
    from hub.bench.table import table

    plan = Plan(settings.resolve(), parse_users(users), runs, parse_parts(parts), memory, crowd)
    with _interruptible(), _watcher(plan.rounds) as watcher:
        report = run(plan, watcher)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        # In a file or a pipe there is room for all columns.
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(table(report))
    raise typer.Exit(1 if watcher.failures else 0)


@app.command("leases")
def leases(
    settings: SettingsFile = DEFAULT_SETTINGS,
    waiting: Annotated[int, typer.Option(min=10, max=20_000, help="How many leases wait.")] = 1_000,
    seconds: Annotated[int, typer.Option(min=1, max=60, help="How long requests are sent, each time.")] = 15,
    records: Annotated[int, typer.Option(min=1, max=1_000_000, help="Ended leases to compare with none.")] = 100_000,
    kernels: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="Kernels with and without a lease to start.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what decisions about leases take, and how fast the service answers with a crowd waiting."""
    from hub.bench.leases.run import Plan as LeasePlan
    from hub.bench.leases.run import run
    from hub.bench.leases.table import table

    growth = tuple(sorted({max(10, waiting // 10), waiting, waiting * 10}))
    plan = LeasePlan(settings.resolve(), waiting, growth, seconds=seconds, records=records, kernels=kernels)
    with _interruptible(), _watcher(None) as watcher:
        report = run(plan, watcher.now)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console().print(table(report))


@app.command("lab")
def lab(
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="Openings, changes, and starts of each kind.")] = 5,
    leases: Annotated[int, typer.Option(min=1, max=MOST_LEASES, help="How many leases the panel shows.")] = 50,
    hours: Annotated[int, typer.Option(min=1, max=MOST_HOURS, help="Hours of events, played in minutes.")] = 8,
    settings: SettingsFile = DEFAULT_SETTINGS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure Werkbank inside JupyterLab, in a real browser. Exit 1 when something could not be measured."""
    from hub.bench.lab.run import run
    from hub.bench.lab.table import table

    plan = LabPlan(settings.resolve(), runs, leases, hours)
    with _interruptible(), _watcher(plan.rounds) as watcher:
        report = run(plan, watcher)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(table(report))
    raise typer.Exit(1 if watcher.failures or report["left_out"] else 0)


@app.command("workshops")
def workshops(
    learners: Annotated[int, typer.Option(min=1, max=MOST_USERS, help="Learners who join within a minute.")] = 40,
    rooms: Annotated[int, typer.Option(min=1, max=20, help="Rooms that are open at once.")] = 5,
    seats: Annotated[int, typer.Option(min=1, max=MOST_USERS, help="Learners in each room.")] = 60,
    settings: SettingsFile = DEFAULT_SETTINGS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a class that comes in, and rooms that are open. Exit 1 when somebody could not come in."""
    from hub.bench.workshops.run import Plan as WorkshopPlan
    from hub.bench.workshops.run import run
    from hub.bench.workshops.table import table

    plan = WorkshopPlan(settings.resolve(), learners, rooms=rooms, seats=seats)
    with _interruptible(), _watcher(None) as watcher:
        report = run(plan, watcher.now)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console().print(table(report))
    raise typer.Exit(1 if report["join"]["lost"] else 0)


@app.command("slurm")
def slurm(
    runs: Annotated[
        int, typer.Option(min=1, max=MOST_RUNS, help="How many times each figure, both sides in turn.")
    ] = 5,
    seats: Annotated[
        int, typer.Option(min=1, max=MOST_SIMULATED, help="Simulated seats, to count what Slurm is asked about them.")
    ] = 500,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long that is counted, each time.")] = 30,
    figures: Annotated[
        str, typer.Option(metavar="FIGURE,FIGURE…", help=f"What to measure: {', '.join(GOALS)}; or all.")
    ] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a Slurm site beside stock batchspawner and Dask Gateway, on a cluster made for it (as root).

    Exit 1 when something failed.
    """
    from hub.bench.slurm.run import run
    from hub.bench.slurm.table import table

    plan = SlurmPlan(runs, seats, seconds, choose("--figures", figures, list(GOALS)))
    with _interruptible(), _watcher(plan.rounds) as watcher:
        report = run(plan, watcher)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(table(report))
    raise typer.Exit(1 if watcher.failures else 0)


@app.command("containers")
def containers(
    socket: Annotated[Path, typer.Option(help="The engine's socket.")] = Path("/run/podman/podman.sock"),
    image: Annotated[str, typer.Option(help="What seats run; the engine must have it.")] = "localhost/werkbank/lab",
    network: Annotated[str, typer.Option(metavar="outside|none", help="Of Werkbank's seats.")] = "outside",
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="How many starts, at all three in turn.")] = 5,
    settings: SettingsFile = DEFAULT_SETTINGS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure seats as containers beside stock DockerSpawner and beside forked seats. Exit 1 when a start failed."""
    from hub.bench.containers.run import Plan as ContainersPlan
    from hub.bench.containers.run import run
    from hub.bench.containers.table import table

    plan = ContainersPlan(settings.resolve(), socket.resolve(), image, network, runs)
    with _interruptible(), _watcher(plan.rounds) as watcher:
        report = run(plan, watcher)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(table(report))
    raise typer.Exit(1 if watcher.failures else 0)


@app.command("images")
def images(
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="How many starts of each, in turn.")] = 5,
    cold: Annotated[bool, typer.Option("--cold", help="Build hub, lab and worker from nothing, too.")] = False,
    base: Annotated[str, typer.Option(metavar="IMAGE", help="What they are built on.")] = "",
    program: Annotated[str, typer.Option("--engine", metavar="PROGRAM", help="podman or docker.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how large images are, how soon they are built and answer, beside stock. Exit 1 when a start failed."""
    from hub.bench.images.plan import Plan as ImagesPlan
    from hub.bench.images.run import run
    from hub.bench.images.table import table
    from hub.images.known import base_of
    from hub.images.program import find

    plan, engine = ImagesPlan(runs, cold), find(program)
    with _interruptible(), _watcher(plan.rounds) as watcher:
        report = run(plan, engine, base or base_of(engine), watcher)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(table(report))
    raise typer.Exit(1 if watcher.failures else 0)


@app.command("use")
def use(
    records: Annotated[int, typer.Option(min=100, max=20_000_000, help="Ended leases of one year.")] = 2_000_000,
    users: Annotated[int, typer.Option(min=1, max=1_000_000, help="Users they are of.")] = 10_000,
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="How many times each page is asked for.")] = 5,
    postgres: Annotated[
        str, typer.Option(metavar="URL", help="A PostgreSQL server too; a database of its own is made and removed.")
    ] = "",
    settings: SettingsFile = DEFAULT_SETTINGS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how fast the pages about use answer, beside a scan of the leases. Exit 1 when one takes a second."""
    from hub.bench.use.run import Plan as UsePlan
    from hub.bench.use.run import run
    from hub.bench.use.table import table

    with _interruptible(), _watcher(None) as watcher:
        report = run(UsePlan(settings.resolve(), records, users, runs, postgres or None), watcher.now)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        Console(width=None if Console().is_terminal else TABLE_WIDTH).print(table(report))
    raise typer.Exit(1 if report["missed"] else 0)


def parse_users(text: str) -> list[int]:
    """The numbers in `1,10`, each once. Raises BadUsers."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if (
            not (word.isascii() and word.isdigit() and len(word) <= len(str(MOST_USERS)))
            or not 1 <= int(word) <= MOST_USERS
        ):
            raise BadUsers(
                f'--users: "{word[:20]}" is not a number from 1 to {MOST_USERS}. '
                "Give such numbers with commas between them, such as 1,10. Nothing was started."
            )
    return list(dict.fromkeys(map(int, words)))


def parse_parts(text: str) -> list[str]:
    """The parts in `seats,memory`, each once; all of them for `all`. Raises BadParts."""
    return choose("--parts", text, PARTS)


def choose(option: str, text: str, allowed: Sequence[str]) -> list[str]:
    """Those of `allowed` that `text` names, each once; all of them for `all`. Raises BadParts."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in (*allowed, "all"):
            raise BadParts(
                f'{option}: "{word[:20]}" is not one of {", ".join(allowed)}, all. '
                "Give some of them with commas between them. Nothing was started."
            )
    return list(allowed if "all" in words else dict.fromkeys(words))


class _Watcher:
    """Shows how the measurement goes: one changing line on a terminal, elsewhere a line each."""

    def __init__(self, console: Console, progress: Progress, rounds: int | None) -> None:
        self.failures = 0
        self._console, self._progress = console, progress
        self._task = progress.add_task("", total=rounds)

    def now(self, sentence: str) -> None:
        self._progress.update(self._task, description=sentence)
        if not self._console.is_terminal:
            self._console.print(f"{sentence} …", highlight=False, markup=False, soft_wrap=True)

    def round_done(self) -> None:
        self._progress.advance(self._task)

    def failed(self, sentence: str, log: str) -> None:
        self.failures += 1
        self._console.print(f"{sentence}\nThe end of its log:\n{log}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _watcher(rounds: int | None) -> Iterator[_Watcher]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Watcher(console, progress, rounds)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Pipes to a browser that is being ended may outlive the event loop by a moment; their complaint says nothing.
    sys.unraisablehook = lambda _: None
    signal.default_int_handler(number, frame)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Being asked to end in whatever way is Ctrl-C: everything that was started is stopped first."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted; everything that the measurement started is stopped.")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
