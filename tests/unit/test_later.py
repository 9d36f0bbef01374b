"""Modules that are imported at their first use."""

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

import pytest
from werkbank_seat.later import load_with_later

SLOW = "class Thing:\n    size = 3\nclass Trouble(Exception):\n    pass\ndef double(n):\n    return 2 * n\n"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Load a library of the given source, with a package `slow_one` (and `slow_one.part`) beside it."""
    (tmp_path / "slow_one").mkdir()
    (tmp_path / "slow_one" / "__init__.py").write_text(SLOW)
    (tmp_path / "slow_one" / "part.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def load(source: str, later: dict[str, list[str]]) -> ModuleType:
        (tmp_path / "library_here.py").write_text(source)
        spec: ModuleSpec | None = find_spec("library_here")
        assert spec is not None
        assert spec.loader is not None
        library = module_from_spec(spec)
        load_with_later(spec.loader.exec_module, library, later)
        return library

    yield load
    for name in [name for name in sys.modules if name.partition(".")[0] in ("slow_one", "library_here")]:
        del sys.modules[name]


def test_a_module_comes_when_its_user_first_asks_it_for_something(load: Callable[..., ModuleType]) -> None:
    library = load("import slow_one", {"slow_one": []})
    assert "slow_one" not in sys.modules
    assert library.slow_one.double(4) == 8
    assert "slow_one" in sys.modules


def test_names_taken_from_it_are_called_and_tested_as_the_real_ones(load: Callable[..., ModuleType]) -> None:
    library = load("from slow_one import Thing, double", {"slow_one": ["Thing", "double"]})
    assert not isinstance(3, library.Thing)
    assert "slow_one" not in sys.modules
    assert library.double(4) == 8
    assert library.Thing.size == 3
    assert isinstance(library.Thing(), library.Thing)
    assert not isinstance(3, library.Thing)


def test_they_may_stand_in_an_except_clause(load: Callable[..., ModuleType]) -> None:
    source = "from slow_one import Trouble\ndef f():\n    try: 1 / 0\n    except Trouble: return 'ours'"
    library = load(source, {"slow_one": ["Trouble"]})
    with pytest.raises(ZeroDivisionError):
        library.f()


def test_everybody_else_gets_the_real_module(load: Callable[..., ModuleType]) -> None:
    load("import slow_one", {"slow_one": []})
    import slow_one  # type: ignore[import-not-found]

    assert slow_one.__file__.endswith("slow_one/__init__.py")


@pytest.mark.parametrize(
    "source", ["import slow_one; slow_one.double(4)", "import slow_one.part", "import slow_one as s"]
)
def test_what_needs_more_than_a_stand_in_while_it_loads_gets_the_real_module(
    load: Callable[..., ModuleType], source: str
) -> None:
    library = load(f"{source}\nimport slow_one as really", {"slow_one": []})
    assert library.really.double(4) == 8


def test_a_module_that_is_loaded_already_stays(load: Callable[..., ModuleType]) -> None:
    import slow_one  # type: ignore[import-not-found]

    assert load("import slow_one", {"slow_one": []}).slow_one is slow_one


def test_a_module_that_is_not_installed_is_missed_at_once(load: Callable[..., ModuleType]) -> None:
    source = "try:\n    from missing_one import f\nexcept ImportError:\n    f = None"
    assert load(source, {"missing_one": ["f"]}).f is None


def test_an_import_that_fails_for_another_reason_fails(load: Callable[..., ModuleType]) -> None:
    with pytest.raises(ImportError, match="missing_one"):
        load("import slow_one, missing_one", {"slow_one": []})
    assert "slow_one" not in sys.modules or sys.modules["slow_one"].__file__
