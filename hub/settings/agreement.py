"""Do the parts of a settings file agree with each other?

This looks at the file as written, not at the validated tree, so that these problems are reported
together with misspelt keys and wrong types instead of after them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.declared import Problem


def disagreements(data: Mapping[str, Any]) -> Iterable[Problem]:
    """Every place where one setting contradicts another, with a sentence."""
    if "profiles" in data and not data["profiles"]:
        yield ("profiles",), "at least one profile is needed"
    for key in ("profiles", "programmes"):
        yield from _doubles(key, _entries(data, key))
    yield from _devices_nobody_shows(data)
    yield from _walls_that_hold_nobody(data)
    yield from _no_way_on_slurm(data)
    yield from _no_way_in_containers(data)
    for position, programme in enumerate(_entries(data, "programmes")):
        yield from _soft_above_hard(position, programme)
    for position, profile in enumerate(_entries(data, "profiles")):
        yield from _missing_references(data, position, profile)


def _devices_nobody_shows(data: Mapping[str, Any]) -> Iterable[Problem]:
    """A class is of simulated devices or of real ones, and says of which."""
    classes = data.get("gpu_classes")
    classes = classes if isinstance(classes, Mapping) else {}
    declared = {name: gpu_class for name, gpu_class in classes.items() if isinstance(gpu_class, Mapping)}
    for name, gpu_class in declared.items():
        # Slurm can be told of devices that are on paper only, and jobs ask for them as for any.
        selects = [key for key in ("model", "uuids", "mig") if gpu_class.get(key)]
        if gpu_class.get("simulated") and selects:
            yield ("gpu_classes", name, selects[0]), "a simulated class has no real devices; leave this out"
        elif not gpu_class.get("simulated") and not ({"model", "uuids"} & set(selects) or gpu_class.get("gres")):
            yield (
                ("gpu_classes", name),
                "which devices? Give `model` or `uuids`, or `simulated: true` (on Slurm `gres`)",
            )
    site = data.get("site")
    wanted = site.get("simulate_gpus") if isinstance(site, Mapping) else 0
    if wanted and not any(gpu_class.get("simulated") for gpu_class in declared.values()):
        yield ("site", "simulate_gpus"), "no class in `gpu_classes` has `simulated: true`"


def _walls_that_hold_nobody(data: Mapping[str, Any]) -> Iterable[Problem]:
    leases, site = data.get("leases"), data.get("site")
    isolation = leases.get("isolation") if isinstance(leases, Mapping) else None
    account = site.get("seats_run_as", "same-user") if isinstance(site, Mapping) else "same-user"
    if isolation == "enforced" and account != "system-accounts":
        yield (
            ("leases", "isolation"),
            "`enforced` needs `site.seats_run_as: system-accounts`: who runs as the same user as Werkbank can undo it",
        )


def _no_way_on_slurm(data: Mapping[str, Any]) -> Iterable[Problem]:
    """What seats that are jobs cannot have, and a cluster that nobody asked for."""
    site = data.get("site")
    site = site if isinstance(site, Mapping) else {}
    if site.get("kind") != "slurm":
        if site.get("slurm") is not None:
            yield ("site", "slurm"), "only `kind: slurm` uses a cluster; leave this out or set `site.kind`"
        yield from _requeue_without_a_line(data)
        return
    if site.get("slurm") is None:
        yield ("site",), "which cluster? `kind: slurm` needs `slurm`, with the `address` that nodes reach us by"
    if site.get("simulate_gpus"):
        yield ("site", "simulate_gpus"), "simulated devices are this machine's; on Slurm there are none"
    classes = data.get("gpu_classes")
    for name, gpu_class in classes.items() if isinstance(classes, Mapping) else ():
        if isinstance(gpu_class, Mapping) and not gpu_class.get("gres"):
            yield ("gpu_classes", name), "what do jobs ask Slurm for? Give `gres`, such as `gpu:h200`"
    yield from _accounts_of_nobody(data, site["slurm"] if isinstance(site.get("slurm"), Mapping) else {})


def _no_way_in_containers(data: Mapping[str, Any]) -> Iterable[Problem]:
    """What seats that are containers cannot have, and an engine or images that nobody asked for."""
    site = data.get("site")
    site = site if isinstance(site, Mapping) else {}
    if site.get("kind") != "containers":
        if site.get("containers") is not None:
            yield ("site", "containers"), "only `kind: containers` uses an engine; leave this out or set `site.kind`"
        for position, profile in enumerate(_entries(data, "profiles")):
            if profile.get("image") is not None:
                place = ("profiles", position, "image")
                yield place, "only containers run an image; leave this out or set `site.kind: containers`"
        return
    if site.get("containers") is None:
        yield ("site",), "which engine? `kind: containers` needs `containers`, with its `socket`"
    if site.get("seats_run_as", "same-user") != "same-user":
        yield ("site", "seats_run_as"), "containers run as the user of their image; leave this out"
    gateway = data.get("gateway")
    if not isinstance(gateway, Mapping) or gateway.get("enabled", True):
        yield (
            ("gateway", "enabled") if isinstance(gateway, Mapping) else ("site", "kind"),
            "seats that are containers have no Dask Gateway; set `gateway: {enabled: false}` (a `LocalCluster` works)",
        )
    environments = data.get("environments")
    for name, environment in environments.items() if isinstance(environments, Mapping) else ():
        if isinstance(environment, Mapping) and environment.get("prefix") is not None:
            yield ("environments", name, "prefix"), "containers bring their environment: name a profile's `image`"
    yield from _devices_that_no_engine_knows(data, site.get("containers"))


def _devices_that_no_engine_knows(data: Mapping[str, Any], containers: object) -> Iterable[Problem]:
    if not isinstance(containers, Mapping) or containers.get("gpus") != "cdi":
        return
    classes = data.get("gpu_classes")
    for name, gpu_class in classes.items() if isinstance(classes, Mapping) else ():
        if isinstance(gpu_class, Mapping) and not gpu_class.get("simulated") and not gpu_class.get("cdi"):
            yield ("gpu_classes", name), "what does the engine give? List `cdi`, such as `nvidia.com/gpu=0`"


def _requeue_without_a_line(data: Mapping[str, Any]) -> Iterable[Problem]:
    for position, profile in enumerate(_entries(data, "profiles")):
        dask = profile.get("dask")
        if isinstance(dask, Mapping) and dask.get("requeue"):
            place = ("profiles", position, "dask", "requeue")
            yield place, "only Slurm puts a worker back in the line; leave this out or set `site.kind: slurm`"


def _accounts_of_nobody(data: Mapping[str, Any], slurm: Mapping[str, Any]) -> Iterable[Problem]:
    known = sorted(str(one.get("name")) for one in _entries(data, "programmes"))
    accounts = slurm.get("accounts")
    for programme in accounts if isinstance(accounts, Mapping) else ():
        if programme not in known:
            yield ("site", "slurm", "accounts", programme), _unknown(programme, known)


def _soft_above_hard(position: int, programme: Mapping[str, Any]) -> Iterable[Problem]:
    quota = programme.get("quota")
    soft, hard = (
        quota.get(key) if isinstance(quota, Mapping) else None
        for key in ("soft_gpu_hours_per_week", "gpu_hours_per_week")
    )
    if isinstance(soft, int | float) and isinstance(hard, int | float) and soft > hard:
        place = ("programmes", position, "quota", "soft_gpu_hours_per_week")
        yield place, f"{soft:g} is more than `gpu_hours_per_week` ({hard:g}), after which requests wait already"


def _entries(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = data.get(key)
    return [e if isinstance(e, Mapping) else {} for e in entries] if isinstance(entries, list) else []


def _doubles(key: str, entries: list[Mapping[str, Any]]) -> Iterable[Problem]:
    seen: dict[Any, int] = {}
    for position, entry in enumerate(entries):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name in seen:
            yield (key, position, "name"), f'"{name}" is already the name of number {seen[name] + 1}; names must differ'
        seen.setdefault(name, position)


def _missing_references(data: Mapping[str, Any], position: int, profile: Mapping[str, Any]) -> Iterable[Problem]:
    environments = _names(data, "environments", default=["default"])
    environment = profile.get("environment", "default")
    if isinstance(environment, str) and environment not in environments:
        yield ("profiles", position, "environment"), _unknown(environment, environments)
    classes = _names(data, "gpu_classes", default=[])
    wanted = profile.get("gpu_classes")
    for number, gpu_class in enumerate(wanted if isinstance(wanted, list) else []):
        if gpu_class not in classes:
            yield ("profiles", position, "gpu_classes", number), _unknown(gpu_class, classes)


def _names(data: Mapping[str, Any], key: str, default: list[str]) -> list[str]:
    declared = data.get(key)
    return sorted(declared) if isinstance(declared, Mapping) else default


def _unknown(value: object, known: list[str]) -> str:
    return f'there is no "{value}"; known here: {", ".join(known) or "none are declared"}'
