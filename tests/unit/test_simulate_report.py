"""What `werkbank simulate` reports, and how it is asked."""

import json
import sys
from pathlib import Path

import pytest
import typer
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from hub.cli.simulate import simulate
from hub.errors import WerkbankError
from hub.simulate.policies import Culled, PerServer
from hub.simulate.replay import Clock, Outcome, Person, Tally
from hub.simulate.report import IN_PLACE, LEASES, PER_SERVER, Study, figures, quantile, report
from hub.simulate.trace import COLUMNS, Cell, Session, Trace

SMALL = ("--sessions", "8", "--days", "1", "--seed", "3")


def run(*words: str) -> Result:
    app = typer.Typer()
    app.command()(simulate)
    return CliRunner().invoke(app, words)


def answered(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


class Odd:
    """Lets every cell wait 100 s when the number of GPUs is odd."""

    def __init__(self, gpus: int, clock: Clock, _tally: Tally) -> None:
        self._clock, self._pause = clock, 100.0 * (gpus % 2)

    def arrives(self, person: Person) -> None:
        person.begin()

    def wants(self, person: Person) -> None:
        self._clock.after(self._pause, person.run)

    def rests(self, person: Person) -> None: ...

    def leaves(self, person: Person) -> None: ...


def crowd(sessions: int) -> Trace:
    """So many sessions, all at the same time."""
    return Trace("made for a test", tuple(Session(f"s{i}", 0, 100, 1, (Cell(0, 100),)) for i in range(sessions)))


def test_a_number_of_gpus_that_happens_to_be_enough_below_one_that_is_not_does_not_count() -> None:
    study = Study.of(crowd(6), {"odd": Odd}, most_wait=60)
    assert study.is_enough("odd", 4)
    assert study.needed("odd") == 6


def test_everybody_who_computes_at_once_needs_a_gpu() -> None:
    study = Study.of(crowd(5), {PER_SERVER: PerServer, "culled": Culled}, most_wait=60)
    assert study.needed(PER_SERVER) == 5
    assert study.needed("culled") == 5
    assert Study.of(crowd(5), {PER_SERVER: PerServer}, most_wait=100).needed(PER_SERVER) == 3
    assert Study.of(crowd(5), {PER_SERVER: PerServer}, most_wait=400).needed(PER_SERVER) == 1


def test_long_searches_go_in_strides_and_end_on_the_same_number() -> None:
    tried: list[int] = []
    study = Study.of(crowd(200), {PER_SERVER: PerServer}, 100, watch=lambda _policy, gpus: tried.append(gpus))
    assert study.needed(PER_SERVER) == 100
    assert len(tried) < 45


def test_every_replay_is_done_once() -> None:
    tried: list[tuple[str, int]] = []
    policies = {PER_SERVER: PerServer, LEASES: PerServer, IN_PLACE: PerServer}
    report(Study.of(crowd(5), policies, 60, watch=lambda policy, gpus: tried.append((policy, gpus))))
    assert len(tried) == len(set(tried))


def test_quantiles_are_waits_that_somebody_had() -> None:
    waits = (0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0)
    assert [quantile(waits, part) for part in (0.5, 0.9, 0.99, 1)] == [0, 40, 50, 50]
    found = figures(Outcome(3, waits, 2, 1), most_wait=30)
    assert (found["p50_s"], found["p90_s"], found["max_s"], found["mean_s"]) == (0, 40, 50, 15)
    assert (found["cells_waited"], found["p50_of_those_s"], found["cells_over_most_wait"]) == (5, 30, 2)


def test_json_has_what_each_policy_needs_the_ratio_and_the_waits() -> None:
    found = json.loads(answered(*SMALL, "--json"))
    needed = found["gpus_needed"]
    assert list(needed) == ["per_server", "cull_30min", "leases_in_place", "leases"]
    assert found["ratio"] == pytest.approx(needed["leases"] / needed["per_server"], rel=1e-3)
    assert found["half"] == needed["per_server"] // 2
    for policy, gpus in needed.items():
        assert found["at_needed"][policy]["gpus"] == gpus
        assert found["at_needed"][policy]["max_s"] <= found["most_wait_s"] == 60
        assert found["waits"][policy]["gpus"] == found["half"]
        waits = [found["waits"][policy][name] for name in ("p50_s", "p90_s", "p99_s", "max_s")]
        assert waits == sorted(waits)
    assert [row["gpus"] for row in found["table"]] == sorted({row["gpus"] for row in found["table"]}, reverse=True)
    assert found["trace"]["source"] == "synthetic, 8 sessions in 1 day, seed 3"


def test_the_same_command_gives_the_same_answer() -> None:
    assert answered(*SMALL, "--json") == answered(*SMALL, "--json")


def test_people_get_tables_and_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = answered(*SMALL)
    assert shown.startswith("Simulated: synthetic, 8 sessions in 1 day, seed 3.")
    assert "GPUs needed so that no cell waits longer than 60 s" in shown
    assert "Leases need" in shown


def test_a_trace_of_ones_own_is_replayed(tmp_path: Path) -> None:
    rows = [f"s{i},0,{100 * i + 100},3,0,10" for i in range(2)]
    (tmp_path / "mine.csv").write_text("\n".join([",".join(COLUMNS), *rows]))
    found = json.loads(answered("--trace", str(tmp_path / "mine.csv"), "--json"))
    assert found["trace"]["source"] == "mine.csv"
    assert found["gpus_needed"]["per_server"] == 6
    assert found["gpus_needed"]["cull_30min"] == 6
    assert found["half"] == 3


def test_rules_given_are_rules_used() -> None:
    def waits(*words: str, policy: str = "leases") -> float:
        found = json.loads(answered("--sessions", "12", "--days", "1", "--seed", "2", "--json", *words))
        return float(found["waits"][policy]["mean_s"])

    as_set = waits()
    assert waits("--handover", "600") > as_set
    assert waits("--min-idle", "7200") > as_set
    in_place = waits(policy="leases_in_place")
    assert waits("--restart-after", "10", policy="leases_in_place") < in_place


REFUSED = [
    (("--sessions", "0"), "--sessions: 0 is not a number from 1 to 1000"),
    (("--sessions", "1001"), "--sessions: 1001 is not a number from 1 to 1000"),
    (("--days", "0"), "--days: 0 is not a number from 0.25 to 60"),
    (("--days", "nan"), "--days: nan is not a number from 0.25 to 60"),
    (("--days", "inf"), "--days: inf is not a number from 0.25 to 60"),
    (("--seed", "-1"), "--seed: -1 is not a number from 0 to"),
    (("--handover", "-1"), "--handover: -1 is not a number from 0 to 86400"),
    (("--min-idle", "1e9"), "--min-idle: 1000000000 is not a number from 0 to 86400"),
    (("--min-hold", "nan"), "--min-hold: nan is not a number from 0 to 86400"),
    (("--notice", "-0.1"), "--notice: -0.1 is not a number from 0 to 86400"),
    (("--most-wait", "inf"), "--most-wait: inf is not a number from 0 to 86400"),
    (("--restart-after", "-5"), "--restart-after: -5 is not a number from 0 to 86400"),
    (("--restart-after", "nan"), "--restart-after: nan is not a number from 0 to 86400"),
    (("--tick", "0"), "--tick: 0 is not a number from 0.5 to 60"),
    (("--plot", "waits.svg"), "--plot: waits.svg does not end in .png"),
    (("--plot", "/nowhere/waits.png"), "--plot: /nowhere/waits.png is not a file in an existing folder"),
    (("--trace", "/nowhere.csv"), "/nowhere.csv cannot be read (No such file or directory)"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED, ids=lambda value: " ".join(value) if value else None)
def test_what_cannot_be_simulated_is_refused_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    error = run(*words).exception
    assert isinstance(error, WerkbankError)
    assert str(error).startswith(sentence)
    assert str(error).lower().endswith("nothing was simulated.")


def test_waits_are_drawn_for_all_policies(tmp_path: Path) -> None:
    answered(*SMALL, "--json", "--plot", str(tmp_path / "waits.png"))
    picture = imread(tmp_path / "waits.png")
    assert picture.shape[:2] == (750, 1500)
    colours = {tuple(round(float(part) * 255) for part in pixel[:3]) for pixel in picture.reshape(-1, 4)}
    assert {(0xD5, 0x5E, 0x00), (0xE6, 0x9F, 0x00), (0x00, 0x72, 0xB2)} <= colours


def test_without_matplotlib_a_picture_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    error = run(*SMALL, "--plot", "waits.png").exception
    assert isinstance(error, WerkbankError)
    assert str(error).startswith("--plot: matplotlib is not installed here")
