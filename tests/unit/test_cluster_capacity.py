"""What a cluster has free: seats that fit on a node each, and GPUs by type."""

from hub.running.slurm_demo import SETTINGS
from hub.settings import Profile, load
from hub.slurm.nodes import Node
from hub.spawners.capacity import ClusterCapacity

GIB = 2**30


def node(name: str, cpus: int, gib: float, *, state: str = "mixed", partitions: tuple[str, ...] = ("gpu",)) -> Node:
    return Node(
        name,
        partitions,
        state,
        "",
        8,
        cpus,
        4 * GIB,
        int(gib * GIB),
        gpus={"h200": 2, "a100": 1},
        gpus_used={"h200": 1},
    )


def profile(name: str) -> Profile:
    return load(SETTINGS).profile(name)


def test_a_seat_fits_where_one_node_has_both_its_cores_and_its_memory() -> None:
    nodes = {one.name: one for one in (node("n1", 8, 1), node("n2", 1, 4), node("n3", 8, 4))}
    capacity = ClusterCapacity.of_nodes(nodes, "gpu")
    assert [capacity.seats_left(profile(name)) for name in ("small", "half", "node")] == [1 + 1 + 4, 2, 1]
    assert capacity.cpus_free == 17


def test_nodes_that_take_no_jobs_and_those_of_other_partitions_do_not_count() -> None:
    nodes = {
        one.name: one
        for one in (node("n1", 8, 4, state="idle+drain"), node("n2", 8, 4, partitions=("cpu",)), node("n3", 2, 4))
    }
    assert ClusterCapacity.of_nodes(nodes, "gpu").cpus_free == 2
    assert ClusterCapacity.of_nodes(nodes, None).cpus_free == 10


def test_gpus_are_told_by_what_a_class_asks_for() -> None:
    capacity = ClusterCapacity.of_nodes({one: node(one, 8, 4) for one in ("n1", "n2")}, "gpu")
    assert (capacity.gpus_of("gpu:h200"), capacity.gpus_of("gpu:a100"), capacity.gpus_of("gpu")) == (
        (2, 4), (2, 2), (4, 6),
    )  # fmt: skip
    assert capacity.gpus_of("gpu:b300") == (0, 0)


def test_nodes_that_are_others_before_a_seat_would_be_over_are_not_counted() -> None:
    nodes = {one: node(one, 8, 4) for one in ("n1", "n2", "n3")}
    life = profile("small").life
    capacity = ClusterCapacity.of_nodes(nodes, "gpu", {"n1": 0.0, "n2": life + 60.0})
    assert capacity.seats_left(profile("small")) == 4
    assert capacity.cpus_free == 16
    assert capacity.gpus_of("gpu:h200") == (2, 6)
    assert capacity.gpus_of("gpu:h200", life + 60.0) == (1, 6)


def test_what_slurm_has_not_told_is_not_known() -> None:
    assert not ClusterCapacity.of_nodes(None, "gpu").is_known
    assert ClusterCapacity.of_nodes({}, "gpu").is_known
