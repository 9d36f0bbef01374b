"""How the container of a seat is asked for, from a profile and the site; what containers are called."""

import json
import re
from pathlib import Path

import pytest

from hub.containers.names import bridge_name, container_name, network_name, seat_socket, volume_name
from hub.containers.podman import specification
from hub.containers.processes import pid_here
from hub.containers.shape import Places, devices_of, host_config, image_of
from hub.settings import ContainersSite, GpuClass, Profile

STATE = Path("/srv/state")
STRANGE = ["ada", "Ada", "ada.b", "../../etc", "a b;rm -rf /", "é" * 40, "x" * 64, "ada-0a1b2c3d"]
SITE = ContainersSite.model_validate({"socket": "/run/podman/podman.sock"})
PLACES = Places(Path("/run/doors"), Path("/srv/lab"), "home", "none")


def profile(**more: object) -> Profile:
    words = {"en": "A", "nl": "A"}
    return Profile.model_validate(
        {"name": "small", "title": words, "description": words, "cpu": 1.5, "memory": "2GiB", "processes": 300} | more
    )


def test_names_are_safe_for_every_user_and_nobody_elses() -> None:
    for name in (container_name, lambda state, user, _: volume_name(state, user)):
        names = [name(STATE, user, "") for user in STRANGE]
        assert len(set(names)) == len(STRANGE)
        assert all(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", one) for one in names)
    bridges = [bridge_name(STATE, user) for user in STRANGE]
    assert len(set(bridges)) == len(STRANGE)
    assert all(len(one) <= 15 and one.startswith("wb-") for one in bridges)
    assert container_name(STATE, "ada", "") != container_name(STATE, "ada", "default")
    assert container_name(Path("/other"), "ada", "") != container_name(STATE, "ada", "")
    assert network_name(STATE, "ada") != network_name(STATE, "Ada")


def test_the_path_of_a_seats_socket_is_short_whatever_the_user_is_called() -> None:
    assert len({seat_socket(STATE, user, "") for user in STRANGE}) == len(STRANGE)
    assert all(len(str(seat_socket(STATE, user, "x" * 200))) < 108 for user in STRANGE)


def test_a_profile_is_held_to_its_numbers_and_to_nothing_more() -> None:
    config = host_config(profile(), PLACES)
    assert config["mem_limit"] == config["memswap_limit"] == 2 * 2**30
    assert (config["cpu_quota"], config["cpu_period"], config["pids_limit"]) == (150_000, 100_000, 300)
    assert config["cap_drop"] == ["ALL"]
    assert config["security_opt"] == ["no-new-privileges"]
    assert (config["read_only"], config["privileged"]) == (True, False)
    written = [to["bind"] for to in config["binds"].values() if to["mode"] == "rw"]
    assert written == ["/home/werkbank"]


def test_podman_is_asked_for_the_same_as_docker() -> None:
    wanted = {"name": "n", "image": "i", "command": ["c"], "environment": {}, "labels": {}, "working_dir": "/home"}
    asked = specification(wanted, host_config(profile(), PLACES), ("nvidia.com/gpu=0",))
    assert asked["resource_limits"]["memory"] == {"limit": 2 * 2**30, "swap": 2 * 2**30}
    assert (asked["cap_drop"], asked["no_new_privileges"], asked["read_only_filesystem"]) == (["ALL"], True, True)
    assert asked["netns"] == {"nsmode": "none"}
    assert asked["volumes"] == [{"Name": "home", "Dest": "/home/werkbank", "Options": ["rw"]}]
    shown = {one["Source"]: one["Options"] for one in asked["mounts"] if one["Type"] == "bind"}
    assert shown == {"/run/doors": ["rbind", "ro"], "/srv/lab": ["rbind", "ro"]}
    assert asked["devices"] == [{"path": "nvidia.com/gpu=0"}]
    assert json.dumps(asked), "it travels as JSON"


def test_a_profile_chooses_its_image_else_the_site_does() -> None:
    assert image_of(profile(), SITE) == "localhost/werkbank/lab"
    assert image_of(profile(image="example.org/a/b:1"), SITE) == "example.org/a/b:1"


def test_a_seat_is_given_the_devices_of_its_classes_once_each() -> None:
    words = {"en": "A", "nl": "A"}
    made = {"title": words, "memory": "1GiB", "model": "A"}
    classes = {
        "a": GpuClass.model_validate(made | {"cdi": ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]}),
        "b": GpuClass.model_validate(made | {"cdi": ["nvidia.com/gpu=1", "nvidia.com/gpu=2"]}),
        "c": GpuClass.model_validate(made | {"cdi": ["nvidia.com/gpu=3"]}),
    }
    mine = profile(gpu_classes=["a", "b"])
    enforcing = SITE.model_copy(update={"gpus": "cdi"})
    assert devices_of(mine, classes, enforcing) == ("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=2")
    assert devices_of(mine, classes, SITE) == ()


def process(proc: Path, pid: int, numbers: str, started: str, container: str) -> None:
    """A process as the kernel tells of it."""
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "status").write_text(f"Name:\tpython\nNSpid:\t{numbers}\n")
    (folder / "stat").write_text(f"{pid} (a) b) " + "S " + "0 " * 18 + f"{started} 0\n")
    (folder / "cgroup").write_text(f"4:memory:/libpod_parent/libpod-{container}\n")


@pytest.mark.parametrize(("pid", "started", "container", "here"), [
    (17, "900", "aaa", 501),
    (17, "900", "bbb", 502),
    (17, "901", "aaa", 0),
    (18, "900", "aaa", 0),
    (17, "900", "ccc", 0),
    (503, "900", "aaa", 0),
])  # fmt: skip
def test_a_process_is_known_by_container_number_and_start(
    tmp_path: Path, pid: int, started: str, container: str, here: int
) -> None:
    (tmp_path / "self").mkdir()
    process(tmp_path, 501, "501 17", "900", "aaa")
    process(tmp_path, 502, "502 17", "900", "bbb")
    process(tmp_path, 503, "503", "900", "aaa")
    (tmp_path / "504").mkdir()  # it has ended meanwhile
    assert pid_here(container, pid, started, tmp_path) == here
