"""Traces from CSV files: what is read, and what is refused in one sentence."""

import random
from pathlib import Path

import pytest

from hub.simulate import trace as module
from hub.simulate.trace import COLUMNS, BadTrace, Cell, Session, read

HEADER = ",".join(COLUMNS)


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "trace.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_cells_are_read_in_order_of_time_whatever_the_order_of_rows(tmp_path: Path) -> None:
    rows = ["b,50,200,2,60,70", "a,0,100,1,30,40", "a,0,100,1,10,20.5"]
    random.Random(1).shuffle(rows)
    found = read(written(tmp_path, "\n".join([HEADER, *rows])))
    assert found.sessions == (
        Session("a", 0, 100, 1, (Cell(10, 20.5), Cell(30, 40))),
        Session("b", 50, 200, 2, (Cell(60, 70),)),
    )
    assert found.cells == 3
    assert found.gpu_hours == pytest.approx((10.5 + 10 + 2 * 10) / 3600)
    assert found.reserved_hours == pytest.approx((100 + 2 * 150) / 3600)
    assert found.most_at_once == 3
    assert found.most_busy == 2


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\r\na,0,100,1,10,20\r\n",
        f"\ufeff{HEADER}\na,0,100,1,10,20",
        f'{HEADER}\n\n"a",0,1e2, 1,10,20\n\n',
    ],
    ids=["windows", "byte order mark", "quotes, blanks and empty lines"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, text)).sessions == (Session("a", 0, 100, 1, (Cell(10, 20),)),)


def test_cells_may_follow_each_other_at_once(tmp_path: Path) -> None:
    (session,) = read(written(tmp_path, f"{HEADER}\na,0,100,1,10,20\na,0,100,1,20,30")).sessions
    assert session.gaps == (0,)


GOOD = "a,0,100,1,10,20"
REFUSED = {
    "empty": ("", 1, "the file is empty", "the header"),
    "blank": (" \n\n", 1, "the file is empty", "the header"),
    "only a header": (HEADER, 1, "there are no cells", "one row"),
    "no header": (GOOD, 1, "column session is missing", HEADER),
    "missing column": (f"{HEADER.replace(',gpus', '')}\n{GOOD}", 1, "column gpus is missing", HEADER),
    "other order": ("gpus,session,session_start_s,session_end_s,cell_start_s,cell_end_s", 1, "header is", HEADER),
    "one column more": (f"{HEADER},vram\n{GOOD},1", 1, "header is", HEADER),
    "semicolons": (f"{HEADER}\n{GOOD}".replace(",", ";"), 1, "column session is missing", HEADER),
    "too few values": (f"{HEADER}\n{GOOD}\na,0,100", 3, "3 values", "6 values"),
    "too many values": (f"{HEADER}\n{GOOD},7", 2, "7 values", "6 values"),
    "not a number": (f"{HEADER}\na,0,100,1,ten,20", 2, 'cell_start_s is "ten"', "seconds, a number from 0"),
    "no number": (f"{HEADER}\na,,100,1,10,20", 2, 'session_start_s is ""', "seconds, a number from 0"),
    "negative": (f"{HEADER}\na,-1,100,1,10,20", 2, 'session_start_s is "-1"', "from 0"),
    "not finite": (f"{HEADER}\na,0,inf,1,10,20", 2, 'session_end_s is "inf"', "from 0"),
    "nan": (f"{HEADER}\na,0,nan,1,10,20", 2, 'session_end_s is "nan"', "from 0"),
    "later than ten years": (f"{HEADER}\na,0,1e18,1,10,20", 2, 'session_end_s is "1e18"', "316224000"),
    "other digits": (f"{HEADER}\na,0,١٠٠,1,10,20", 2, "session_end_s is", "from 0"),
    "underscore": (f"{HEADER}\na,0,1_00,1,10,20", 2, 'session_end_s is "1_00"', "from 0"),
    "session ends before it starts": (f"{HEADER}\na,100,50,1,60,70", 2, "session_end_s is 50", "more than"),
    "session without duration": (f"{HEADER}\na,100,100,1,100,100", 2, "session_end_s is 100", "more than"),
    "cell ends before it starts": (f"{HEADER}\na,0,100,1,20,10", 2, "cell_end_s is 10", "more than cell_start_s, 20"),
    "cell outside its session": (f"{HEADER}\na,0,100,1,90,110", 2, "from 90 to 110", "within its session, 0 to 100"),
    "overlapping cells": (
        f"{HEADER}\na,0,100,1,30,50\n{GOOD}\na,0,100,1,40,60",
        4,
        "starts at 40, inside the one on line 2",
        "one after the other, here from 50",
    ),
    "cell inside another": (f"{HEADER}\na,0,100,1,10,50\na,0,100,1,20,30", 3, "inside the one on line 2", "from 50"),
    "no GPUs": (f"{HEADER}\na,0,100,0,10,20", 2, 'gpus is "0"', "a whole number from 1 to 1024"),
    "half a GPU": (f"{HEADER}\na,0,100,0.5,10,20", 2, 'gpus is "0.5"', "a whole number"),
    "too many GPUs": (f"{HEADER}\na,0,100,1025,10,20", 2, 'gpus is "1025"', "a whole number"),
    "endless digits": (f"{HEADER}\na,0,100,{'9' * 5000},10,20", 2, f'gpus is "{"9" * 40}…"', "a whole number"),
    "session without a name": (f"{HEADER}\n ,0,100,1,10,20", 2, 'session is ""', "1 to 200 printable"),
    "unprintable name": (f"{HEADER}\na\x1b[2J,0,100,1,10,20", 2, "session is", "printable"),
    "session that changes its GPUs": (f"{HEADER}\n{GOOD}\na,0,100,2,30,40", 3, "gpus 2", "as on line 2: 0, 100, 1"),
    "session that changes its end": (f"{HEADER}\n{GOOD}\na,0,99,1,30,40", 3, "end 99", "as on line 2: 0, 100, 1"),
    "broken quotes": (f'{HEADER}\n"a"x,0,100,1,10,20', 2, "this is not CSV", "commas"),
    "open quotes": (f'{HEADER}\n{GOOD}\n"a,0,100,1,10,20', 3, "this is not CSV", "commas"),
    "huge value": (f"{HEADER}\n{'a' * 200_000},0,100,1,10,20", 2, "this is not CSV", "commas"),
    "not UTF-8": (HEADER.encode() + b"\n" + GOOD.encode() + b"\n\xff,0,100,1,10,20", 3, "byte 0xff", "text in UTF-8"),
    "UTF-16": (f"{HEADER}\n{GOOD}".encode("utf-16"), 1, "is not UTF-8", "text in UTF-8"),
    "zero bytes": (f"{HEADER}\na\0,0,100,1,10,20", 2, "session is", "printable"),
}


@pytest.mark.parametrize(("text", "line", "found", "allowed"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_trace_is_refused_with_file_line_value_and_what_is_allowed(
    tmp_path: Path, text: str | bytes, line: int, found: str, allowed: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadTrace) as refused:
        read(file)
    sentence = str(refused.value)
    assert sentence.startswith(f"{file}, line {line}: ")
    before, after = sentence.split("; allowed: ")
    assert found in before
    assert allowed in after
    assert sentence.endswith("nothing was simulated.")
    assert sentence.isprintable()
    assert len(sentence) < 500 + len(str(file))


def test_more_rows_than_a_million_are_refused_by_the_first_one_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.MOST_ROWS == 1_000_000
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    rows = [f"s{i},0,100,1,10,20" for i in range(3)]
    assert read(written(tmp_path, "\n".join([HEADER, *rows]))).cells == 3
    with pytest.raises(BadTrace, match=r"line 5: this is row 4; allowed: at most 3 rows"):
        read(written(tmp_path, "\n".join([HEADER, *rows, GOOD])))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match=r"cannot be read \(No such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(BadTrace, match=r"cannot be read \(Is a directory"):
        read(tmp_path)


def test_a_file_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2_000_000)
    with pytest.raises(BadTrace, match=r"/dev/zero is larger than 2 MB, the largest allowed"):
        read(Path("/dev/zero"))
