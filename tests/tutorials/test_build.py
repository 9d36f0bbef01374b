"""Notebooks follow from their sources: complete in both languages, in sync, the same bytes every time, nothing that
can rot.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import nbformat
import pytest

from tutorials.build import translation, variants
from tutorials.build.__main__ import main
from tutorials.build.catalogue import LANGUAGES, ROOT, lessons, read_entry
from tutorials.build.frame import fill
from tutorials.build.notebooks import build, lesson_cells, write
from tutorials.build.source import Cell, SourceError, read_source
from tutorials.build.translation import fingerprint, problems, read_translation


@pytest.fixture(params=lessons())
def lesson(request):
    return request.param


def committed(lesson):
    folder = ROOT / "notebooks" / read_entry(lesson).folder
    return {path: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_dutch_is_complete_and_not_stale(lesson):
    assert problems(read_source(lesson), read_translation(lesson, "nl")) == []


def test_dutch_refers_to_the_same_numbers_as_english(lesson):
    english = {cell.lid: cell.text for cell in read_source(lesson) if cell.kind == "markdown"}
    for lid, dutch in read_translation(lesson, "nl").items():
        used, wanted = (set(re.findall(r"\{\{[^}]+\}\}", text)) for text in (dutch.text, english[lid]))
        # The Dutch reader needs no translation of a Dutch quote.
        assert not [name for name in wanted - used if not re.fullmatch(r"\{\{claim\.[\w-]+\.en\}\}", name)], lid
        assert used <= wanted, lid


def test_changed_english_makes_its_dutch_stale(lesson):
    first, *rest = [cell for cell in read_source(lesson) if cell.kind == "markdown"]
    changed = [replace(first, text=first.text + " More."), *rest]
    assert [problem.split(":")[0] for problem in problems(changed, read_translation(lesson, "nl"))] == [first.lid]


def test_new_english_misses_its_dutch_and_removed_english_leaves_dutch_over(lesson):
    cells = [cell for cell in read_source(lesson) if cell.kind == "markdown"]
    texts = read_translation(lesson, "nl")
    assert problems([*cells, Cell("new", "markdown", "Hello")], texts) == ["new: no translation"]
    assert problems(cells[1:], texts) == [f"{cells[0].lid}: translates a cell that is gone"]


def test_accepting_a_translation_renews_its_fingerprint_only(tmp_path, monkeypatch):
    monkeypatch.setattr(translation, "ROOT", tmp_path)
    file = tmp_path / "i18n" / "nl" / "X1.md"
    file.parent.mkdir(parents=True)
    file.write_text("<!-- lid: a en: old -->\n\nHallo\n\n<!-- lid: b en: old -->\n\nDag\n", encoding="utf-8")
    translation.accept("X1", "nl", ["a"], [Cell("a", "markdown", "Hello"), Cell("b", "markdown", "Bye")])
    texts = read_translation("X1", "nl")
    assert (texts["a"].fingerprint, texts["b"].fingerprint) == (fingerprint("Hello"), "old")
    assert texts["a"].text == "Hallo"


def test_committed_notebooks_are_what_the_source_gives(lesson):
    built = build(lesson)
    assert {
        path.relative_to(ROOT / "notebooks").as_posix(): path.read_text(encoding="utf-8") for path in committed(lesson)
    } == built


def test_building_twice_gives_the_same_bytes_and_writes_nothing_the_second_time(lesson, tmp_path):
    assert write(build(lesson), tmp_path)
    assert write(build(lesson), tmp_path) == []


def test_the_check_command_tells_a_stale_notebook_from_a_fresh_one(lesson, tmp_path, capsys):
    assert main([lesson, "--output", str(tmp_path)]) == 0
    assert main([lesson, "--output", str(tmp_path), "--check"]) == 0
    stale = next(tmp_path.glob("*/*.nl.ipynb"))
    stale.write_text(stale.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert main([lesson, "--output", str(tmp_path), "--check"]) == 1
    assert stale.name in capsys.readouterr().err


def test_notebooks_are_valid_and_carry_no_outputs(lesson):
    for notebook in committed(lesson).values():
        nbformat.validate(notebook)
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code_of(notebook))


def test_cell_ids_are_the_lids_in_both_languages(lesson):
    ids = [[cell.id for cell in notebook.cells] for notebook in committed(lesson).values()]
    assert len(ids) == len(LANGUAGES)
    assert ids[0] == ids[1] == [cell.lid for cell in variants.learner(read_source(lesson), "en")]


def test_notebooks_say_which_lesson_version_and_language_they_are(lesson):
    entry = read_entry(lesson)
    for path, notebook in committed(lesson).items():
        language = path.suffixes[0].lstrip(".")
        assert notebook.metadata.werkbank == {"lesson": lesson, "version": entry.version, "language": language}
        assert f'set_language("{language}")' in code_of(notebook)[0].source


def test_learners_get_no_wrong_answers_and_no_solution_that_runs(lesson):
    for notebook in committed(lesson).values():
        roles = {tag for cell in code_of(notebook) for tag in cell.metadata.get("tags", [])}
        assert not roles & {"wrong", "solution"}
        folded = [
            cell
            for cell in notebook.cells
            if cell.source.startswith("<details><summary>") and "```python" in cell.source
        ]
        assert len(folded) == 3
        order = [cell.metadata.get("tags", [""])[0] for cell in notebook.cells if "exercise" in cell.metadata]
        assert order == ["exercise", "check", "solution"] * 3


@pytest.mark.parametrize(
    "pattern", [r"https?://", r"(?m)^\s*[!%]", r"\bpip install\b", r"urlopen|requests\.|wget|curl "]
)
def test_code_needs_no_network_and_no_shell(lesson, pattern):
    for cell in read_source(lesson):
        if cell.kind == "code":
            assert not re.search(pattern, cell.text), cell.lid


def test_every_figure_has_a_text_alternative_in_both_languages(lesson):
    for language in LANGUAGES:
        cells = [cell for cell in lesson_cells(lesson, language) if cell.kind == "code"]
        figures = [cell for cell in cells if re.search(r"plt\.(subplots|figure)\(", cell.text)]
        assert figures
        for cell in figures:
            assert "figure" in cell.tags
            assert len(cell.more["alt"]) > 60
            assert re.search(r"show\(\w+, tr\(", cell.text), cell.lid


def test_the_frame_is_complete(lesson):
    title = lesson_cells(lesson, "en")[0].text
    goals = re.findall(r"(?m)^\d\. ", title)
    assert title.startswith("# ")
    assert len(goals) == 3
    assert all(part in title for part in ("**For**", "minutes**", "**You need**", "**Why here.**"))
    last = variants.learner(lesson_cells(lesson, "en"), "en")[-1].text
    assert "### Summary" in last
    assert "### What next" in last


def test_no_placeholder_is_left_in_a_notebook(lesson):
    for path in committed(lesson):
        texts = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
        assert not any("{{" in text for text in texts)


def test_an_unknown_placeholder_names_the_cell_and_what_exists():
    with pytest.raises(SourceError, match=r"'intro'.*\{\{naam\}\}.*title"):
        fill("# {{naam}}", {"title": "x"}, Cell("intro", "markdown", ""))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("# %%", "cell 2 has no lid"),
        ('# %% lid="a"', "two cells have lid 'a'"),
        ('# %% lid="b" tags=["exercise"]', "must have both"),
        ('# %% lid="b" exercise="X1-1"', "must have both"),
    ],
)
def test_a_source_that_cannot_be_built_says_where(tmp_path, monkeypatch, header, said):
    from tutorials.build import source

    monkeypatch.setattr(source, "ROOT", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "X1.py").write_text(f'# %% lid="a"\n1\n\n{header}\n2\n', encoding="utf-8")
    with pytest.raises(SourceError, match=said):
        read_source("X1")


def test_files_name_no_folder_of_a_machine(lesson):
    for path in [
        *(ROOT / "notebooks").rglob("*.ipynb"),
        *(ROOT / "src").glob("*.py"),
        *(ROOT / "catalogue").glob("*.yaml"),
    ]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/(?:home|root|work|tmp)/\S", text), path.name


def test_notebook_json_is_readable_in_a_diff(lesson):
    for path in committed(lesson):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("}\n")
        assert "\\u" not in text
        assert json.loads(text)["nbformat"] == 4
