"""`werkbank check` asks the engine whether it has what the settings say."""

from pathlib import Path

from tests.support.seat_containers import IMAGE, Service, settings_of
from tests.support.workbench import run_werkbank

ROOT_IMAGE = "localhost/werkbank/test-runs-as-root"


def checked(folder: Path, text: str) -> tuple[int, str]:
    """Its status, and all that it says, in one line."""
    path = folder / "werkbank.yaml"
    path.write_text(text)
    done = run_werkbank("check", str(path))
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_an_engine_with_the_images_is_good(service: Service, tmp_path: Path) -> None:
    status, said = checked(tmp_path, settings_of(service, network="none"))
    assert status == 0, said
    assert "site containers" in said
    assert "!" not in said


def test_an_image_that_is_not_there_is_told_with_its_place(service: Service, tmp_path: Path) -> None:
    text = settings_of(service).replace("    cpu: 2\n", "    image: localhost/werkbank/nowhere:7\n    cpu: 2\n")
    status, said = checked(tmp_path, text)
    assert status == 2
    assert "`profiles.medium.image`: the engine has no image localhost/werkbank/nowhere:7; pull or build it" in said


def test_an_image_that_runs_as_root_is_refused(service: Service, tmp_path: Path) -> None:
    place = tmp_path / "image"
    place.mkdir()
    (place / "Containerfile").write_text(f"FROM {IMAGE}\nUSER root\n")
    service.engine.run("build", "--isolation", "chroot", "-t", ROOT_IMAGE, str(place))
    try:
        status, said = checked(tmp_path, settings_of(service, image=ROOT_IMAGE))
        assert status == 2
        assert f"`site.containers.image`: the image {ROOT_IMAGE} runs as root" in said
    finally:
        service.engine.run("rmi", "--force", ROOT_IMAGE)


def test_an_engine_that_is_away_is_told_and_the_settings_are_good_all_the_same(
    service: Service, tmp_path: Path
) -> None:
    status, said = checked(tmp_path, settings_of(service, socket=str(tmp_path / "away.sock")))
    assert status == 0
    assert f"Nobody answers at {tmp_path / 'away.sock'} (site.containers.socket)" in said


def test_gpus_that_nothing_holds_are_told_to_be_advisory(service: Service, tmp_path: Path) -> None:
    real = "  h200: {title: {en: H200, nl: H200}, memory: 141GB, model: NVIDIA H200}\n"
    text = settings_of(service, network="none")
    assert "\n#  h200:" in text
    status, said = checked(tmp_path, text.replace("\n#  h200:", f"\n{real}#  h200:", 1))
    assert status == 0
    assert "GPUs are advisory (site.containers.gpus)" in said
