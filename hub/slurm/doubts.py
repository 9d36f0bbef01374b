"""Does the cluster have what the settings say of it? Sentences for an admin."""

from collections.abc import Iterable, Iterator, Mapping

from hub.names import own_account
from hub.settings import Settings, SlurmSite
from hub.slurm.associations import accounts, cluster_name
from hub.slurm.commands import Slurm, SlurmError
from hub.slurm.nodes import Node, nodes
from hub.slurm.partitions import Partition, partitions
from hub.slurm.privacy import hidden_from, sentence
from hub.slurm.qualities import Qualities, qualities
from hub.slurm.reservations import may_reserve
from hub.slurm.submit import GRACE_S
from hub.slurm.usage import counts_gpus


async def doubts(slurm: Slurm, settings: Settings) -> list[str]:
    """What does not fit, with its place in the settings; none where all fits. Raises SlurmSilent, SlurmRefused."""
    site = settings.site.slurm
    assert site is not None
    known = await partitions(slurm)
    partition = _partition(site, known)
    if partition is None:
        named = f"`site.slurm.partition`: there is no partition {site.partition}"
        none = "`site.slurm.partition`: Slurm has no default partition; name one"
        return [f"{named if site.partition else none}; known to Slurm: {', '.join(sorted(known)) or 'none'}."]
    found = [sentence(own_account(), hidden)] if (hidden := await _hidden(slurm)) else []
    found += [] if partition.is_up else [f"The partition {partition.name} takes no work now."]
    found += _too_large(settings, partition, [*(await nodes(slurm)).values()])
    cluster = await cluster_name(slurm)
    if site.accounts:
        found += _unknown_accounts(site, await accounts(slurm, cluster))
    if site.qos:
        found += _closed_qos(site, site.qos, await qualities(slurm, cluster))
    if site.reservations and not await may_reserve(slurm):
        found.append(_no_operator(own_account()))
    return [*found, *(await _uncounted_gpus(slurm, settings))]


def _partition(site: SlurmSite, known: Mapping[str, Partition]) -> Partition | None:
    if site.partition:
        return known.get(site.partition)
    return next((one for one in known.values() if one.is_default), None)


def _too_large(settings: Settings, partition: Partition, all_nodes: Iterable[Node]) -> Iterator[str]:
    mine = [one for one in all_nodes if partition.name in one.partitions]
    for profile in settings.profiles:
        place = f"`profiles.{profile.name}"
        if not any(one.cpus >= profile.cpu and one.memory >= profile.memory for one in mine):
            size = f"{profile.cpu:g} cores and {profile.memory / 2**30:g} GiB"
            yield f"{place}`: no node of {partition.name} has {size}."
        if partition.most_seconds is not None and profile.life + GRACE_S > partition.most_seconds:
            most = f"jobs in {partition.name} run for {partition.most_seconds / 3600:g} h at most"
            yield f"{place}.life`: {most}, and {GRACE_S // 60} min of that are for ending."


def _unknown_accounts(site: SlurmSite, known: Mapping[str, object]) -> Iterator[str]:
    for programme, account in site.accounts.items():
        if account.lower() not in known:
            yield (
                f"`site.slurm.accounts.{programme}`: Slurm has no account {account}; "
                "`./werkbank slurm sync --apply` makes it."
            )


def _no_operator(me: str) -> str:
    return (
        f"`site.slurm.reservations`: {me}, who runs this, may make no reservations, so Slurm keeps no nodes for "
        f"workshops, and none can be published: `sacctmgr add user {me} account=root adminlevel=operator`, or "
        f"`sacctmgr modify user {me} set adminlevel=operator` where Slurm knows it; or set it to false."
    )


async def _hidden(slurm: Slurm) -> frozenset[str]:
    try:
        return await hidden_from(own_account(), slurm)
    except SlurmError:
        return frozenset()  # the accounting is away; what it knows of us cannot be said


async def _uncounted_gpus(slurm: Slurm, settings: Settings) -> list[str]:
    try:
        if not settings.gpu_classes or await counts_gpus(slurm):
            return []
    except SlurmError:
        return []  # without accounting seats run all the same; pages about use say that it does not answer
    return [
        "`gpu_classes`: Slurm's accounting counts no GPUs, so it is unknown what jobs use and nothing bounds them; "
        "add gres/gpu, and gres/gpu:TYPE for each type, to AccountingStorageTRES."
    ]


def _closed_qos(site: SlurmSite, qos: str, have: Qualities) -> Iterator[str]:
    if qos.lower() not in have.known:
        known = ", ".join(sorted(have.known)) or "none"
        makes = "`./werkbank slurm sync --apply` makes it"
        yield f"`site.slurm.qos`: Slurm has no QOS {qos}; known to it: {known}; {makes}."
        return
    for programme, account in site.accounts.items():
        may = have.may.get((account.lower(), ""))
        if may is not None and qos.lower() not in may:
            yield (
                f"`site.slurm.qos`: jobs of {account}, the account of {programme}, may not use the QOS {qos}; "
                "`./werkbank slurm sync --apply` lets them."
            )
