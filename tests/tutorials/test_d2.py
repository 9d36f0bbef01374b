"""D2 alone: its cluster comes from Dask Gateway where there is one, and its workers need not see the files."""

from __future__ import annotations

import pytest
from werkbank_lessons.words import tr

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import Cell
from tutorials.build.verdict import complaints, numbers, printed


def assert_as_promised(executed):
    assert [number.sentence() for number in numbers("D2", executed, "en") if not number.is_kept] == []


@pytest.mark.parametrize("language", ["en", "nl"])
def test_without_a_gateway_it_says_what_it_computes_on(run_cells, language):
    cells = lesson_cells("D2", language)
    start = next(index for index, cell in enumerate(cells) if cell.lid == "cluster-start")
    text = printed(run_cells(variants.solved(cells[: start + 1]), language))
    assert tr("scale.local", language, workers=2, reason=tr("scale.gateway_absent", language)) in text


def test_it_computes_on_dask_gateway_and_gives_the_cluster_back(run_cells, gateway):
    from dask_gateway import Gateway

    cells = variants.solved(lesson_cells("D2", "en"))
    executed = run_cells(cells, WERKBANK_STRICT="1", DASK_GATEWAY__ADDRESS=gateway)
    assert complaints(executed) == []
    assert_as_promised(executed)
    assert tr("scale.gateway", "en", workers=2) in printed(executed)
    assert Gateway(gateway, auth="basic").list_clusters() == []


def test_workers_that_cannot_see_the_file_get_the_data_sent(run_cells):
    blind = Cell("blind", "code", "workers.can_read = lambda path: False")
    cells = variants.solved(lesson_cells("D2", "en"))
    start = next(index for index, cell in enumerate(cells) if cell.lid == "cluster-start")
    executed = run_cells([*cells[: start + 1], blind, *cells[start + 1 :]], WERKBANK_STRICT="1")
    assert_as_promised(executed)
