"""Traces of how notebooks use GPUs: values, and reading them from CSV."""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from pathlib import Path

from hub.errors import WerkbankError

COLUMNS = ("session", "session_start_s", "session_end_s", "gpus", "cell_start_s", "cell_end_s")
MOST_ROWS = 1_000_000
MOST_BYTES = 256_000_000
MOST_GPUS = 1024
"""A session's, and what is simulated at most."""
LATEST = 10 * 366 * 86400
"""The latest moment in a trace: ten years in seconds."""
LONGEST_NAME = 200


class BadTrace(WerkbankError):
    """The trace cannot be used; nothing was simulated."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a cell that uses the GPUs of its session; seconds since the trace began."""

    start: float
    end: float
    vram: int = 0
    """Bytes of device memory it takes; 0 when the trace does not say."""

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Session:
    """One notebook, from its start to its end, and its GPU cells in order of time."""

    name: str
    start: float
    end: float
    gpus: int
    cells: tuple[Cell, ...]

    @property
    def life(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    @property
    def active(self) -> float:
        """Seconds inside its GPU cells."""
        return sum(cell.seconds for cell in self.cells)

    @property
    def gaps(self) -> tuple[float, ...]:
        """Seconds between its GPU cells."""
        return tuple(after.start - before.end for before, after in pairwise(self.cells))


@dataclass(frozen=True, slots=True)
class Trace:
    """Sessions in order of their start; each belongs to a user of its own."""

    source: str
    """Where it comes from, for people."""
    sessions: tuple[Session, ...]

    @property
    def cells(self) -> int:
        """Number of GPU cells."""
        return sum(len(session.cells) for session in self.sessions)

    @property
    def gpu_hours(self) -> float:
        """GPU-hours inside cells."""
        return sum(session.active * session.gpus for session in self.sessions) / 3600

    @property
    def reserved_hours(self) -> float:
        """GPU-hours from the start to the end of each session."""
        return sum(session.life * session.gpus for session in self.sessions) / 3600

    @property
    def most_at_once(self) -> int:
        """GPUs of all sessions that live at the same time, at most: with so many nobody ever waits."""
        return _most((session.start, session.end, session.gpus) for session in self.sessions)

    @property
    def most_busy(self) -> int:
        """GPUs of all cells that run at the same time, at most: with fewer somebody waits, whatever the policy."""
        return _most((cell.start, cell.end, session.gpus) for session in self.sessions for cell in session.cells)

    def most_kept(self, grace: float) -> int:
        """GPUs of all sessions at once of which a cell runs or ended less than `grace` seconds ago, at most."""
        return _most((begin, end, s.gpus) for s in self.sessions for begin, end in _joined(s.cells, grace))


def _joined(cells: Iterable[Cell], grace: float) -> Iterator[tuple[float, float]]:
    """From the start of a cell to `grace` seconds after the last one that came before that was over."""
    begin = end = -math.inf
    for cell in cells:
        if cell.start > end:
            if end > begin:
                yield begin, end
            begin = cell.start
        end = max(end, cell.end + grace)
    yield begin, end


def _most(spans: Iterable[tuple[float, float, int]]) -> int:
    """The most GPUs in use at once; what ends at a moment is free for what begins then."""
    changes = [change for start, end, gpus in spans for change in ((start, gpus), (end, -gpus))]
    return max(accumulate(change for _moment, change in sorted(changes)), default=0)


def read(file: Path) -> Trace:
    """The trace in a CSV file with the columns of `COLUMNS`, one row a GPU cell. Raises BadTrace."""
    rows = list(_rows(file, _text(file)))
    if not rows:
        raise _bad(file, 1, "there are no cells below the header", "one row for each GPU cell")
    rows.sort(key=lambda row: (row.session, row.cell.start, row.cell.end))
    sessions = [_session(file, list(group)) for _name, group in groupby(rows, key=lambda row: row.session)]
    return Trace(file.name, tuple(sorted(sessions, key=lambda session: (session.start, session.name))))


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    session: str
    start: float
    end: float
    gpus: int
    cell: Cell


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadTrace(f"{file} cannot be read ({error.strerror}). {BadTrace.__doc__}") from None
    if len(raw) > MOST_BYTES:
        raise BadTrace(f"{file} is larger than {MOST_BYTES // 10**6} MB, the largest allowed. {BadTrace.__doc__}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _bad(file, line, f"byte 0x{raw[error.start]:02x} is not UTF-8", "text in UTF-8") from None
    if not text.strip():
        raise _bad(file, 1, "the file is empty", f"the header {','.join(COLUMNS)} and one row for each GPU cell")
    return text


def _rows(file: Path, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(file, next(reader))
        for count, row in enumerate(filter(None, reader), start=1):
            if count > MOST_ROWS:
                raise _bad(file, reader.line_num, f"this is row {count:,}", f"at most {MOST_ROWS:,} rows")
            yield _row(file, reader.line_num, row)
    except csv.Error as error:
        raise _bad(file, reader.line_num, f"this is not CSV ({error})", "commas between values") from None


def _check_header(file: Path, header: list[str]) -> None:
    names = [name.strip() for name in header]
    if tuple(names) == COLUMNS:
        return
    missing = [name for name in COLUMNS if name not in names]
    found = f"column {missing[0]} is missing" if missing else f'the header is "{_short(",".join(names))}"'
    raise _bad(file, 1, found, f"exactly {','.join(COLUMNS)}")


def _row(file: Path, line: int, values: list[str]) -> _Row:
    if len(values) != len(COLUMNS):
        raise _bad(file, line, f"{len(values)} values", f"{len(COLUMNS)} values: {','.join(COLUMNS)}")
    name = values[0].strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise _bad(file, line, f'session is "{_short(name)}"', f"1 to {LONGEST_NAME} printable characters")
    start, end, cell_start, cell_end = (
        _seconds(file, line, COLUMNS[column], values[column]) for column in (1, 2, 4, 5)
    )
    gpus = _gpus(file, line, values[3])
    if end <= start:
        raise _bad(file, line, f"session_end_s is {end:g}", f"more than session_start_s, {start:g}")
    if cell_end <= cell_start:
        raise _bad(file, line, f"cell_end_s is {cell_end:g}", f"more than cell_start_s, {cell_start:g}")
    if cell_start < start or cell_end > end:
        raise _bad(
            file,
            line,
            f"the cell runs from {cell_start:g} to {cell_end:g}",
            f"within its session, {start:g} to {end:g}",
        )
    return _Row(line, name, start, end, gpus, Cell(cell_start, cell_end))


def _seconds(file: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= LATEST:
        raise _bad(file, line, f'{column} is "{_short(text)}"', f"seconds, a number from 0 to {LATEST}")
    return value


def _gpus(file: Path, line: int, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9 and 1 <= int(digits) <= MOST_GPUS):
        raise _bad(file, line, f'gpus is "{_short(text)}"', f"a whole number from 1 to {MOST_GPUS}")
    return int(digits)


def _session(file: Path, rows: list[_Row]) -> Session:
    first = min(rows, key=lambda row: row.line)
    for row in sorted(rows, key=lambda row: row.line):
        if (row.start, row.end, row.gpus) != (first.start, first.end, first.gpus):
            raise _bad(
                file,
                row.line,
                f'session "{_short(row.session)}" has start {row.start:g}, end {row.end:g}, gpus {row.gpus}',
                f"the same in all its rows, as on line {first.line}: {first.start:g}, {first.end:g}, {first.gpus}",
            )
    for before, after in pairwise(rows):
        if after.cell.start < before.cell.end:
            raise _bad(
                file,
                after.line,
                f"the cell starts at {after.cell.start:g}, inside the one on line {before.line}",
                f"cells of a session one after the other, here from {before.cell.end:g}",
            )
    return Session(first.session, first.start, first.end, first.gpus, tuple(row.cell for row in rows))


def _bad(file: Path, line: int, found: str, allowed: str) -> BadTrace:
    return BadTrace(f"{file}, line {line}: {found}; allowed: {allowed}. {BadTrace.__doc__}")


def _short(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:41])
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
