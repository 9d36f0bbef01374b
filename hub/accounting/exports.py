"""Reports as files. Every column's unit stands in its name; an empty cell was not measured or not reported."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from operator import attrgetter
from typing import Any

from hub.accounting.report import Line, UseReport
from hub.web.sheets import cell

CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"
_LINE = tuple(Line.model_fields)
_values = attrgetter(*_LINE)
COLUMNS = ("first_day_utc", "last_day_utc", "by", *_LINE, "jobs_known_until_utc")


def rows(report: UseReport, lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """A row for each line, with the period that it is about."""
    frame = {"first_day_utc": report.first, "last_day_utc": report.last, "by": report.by}
    for line in lines:
        yield frame | line.model_dump() | {"jobs_known_until_utc": known_until(report)}


def known_until(report: UseReport) -> datetime | None:
    """Until when it is known what jobs used: what stands in a file has no later ones. None where seats are no jobs, and
    where nothing was read so far.
    """
    if report.jobs is None or report.jobs.counted_until is None:
        return None
    return datetime.fromtimestamp(report.jobs.counted_until, UTC).replace(microsecond=0)


def as_csv(report: UseReport, lines: Iterable[Line]) -> str:
    """A CSV file; no cell of it is taken for a formula."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(COLUMNS)
    frame, until = (report.first, report.last, report.by), known_until(report)
    end = until.strftime("%Y-%m-%dT%H:%M:%SZ") if until else ""
    table.writerows([_cell(value) for value in (*frame, *_values(line), end)] for line in lines)
    return file.getvalue()


@cache
def writes_parquet() -> bool:
    """Whether there is what writes Parquet; the hub's image has no room for it."""
    return find_spec("pyarrow") is not None


def as_parquet(report: UseReport, lines: Iterable[Line]) -> bytes:
    """A Parquet file. Blocking, and slow the first time."""
    import pyarrow  # only here: half a second and tens of megabytes that pages do without
    import pyarrow.parquet

    kinds = {str: pyarrow.string(), bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}
    frame = [("first_day_utc", pyarrow.date32()), ("last_day_utc", pyarrow.date32()), ("by", pyarrow.string())]
    own = [(name, kinds[_kind(name)]) for name in _LINE]
    end = [("jobs_known_until_utc", pyarrow.timestamp("s", "UTC"))]
    table = pyarrow.Table.from_pylist(list(rows(report, lines)), schema=pyarrow.schema(frame + own + end))
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def _kind(name: str) -> type:
    declared = Line.model_fields[name].annotation
    return next(kind for kind in (str, bool, int, float) if declared in (kind, kind | None))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return cell(value) if isinstance(value, str) else f"{value:.10g}" if isinstance(value, float) else str(value)
