"""`werkbank slurm`: what an admin does between Werkbank and Slurm."""

import asyncio
import os
from typing import Annotated

import httpx
import typer

from hub.cli.options import DEFAULT_SETTINGS, DEFAULT_STATE, SettingsFile, State, runtime
from hub.errors import SettingsError
from hub.names import own_account
from hub.settings import Settings
from hub.slurm import rights
from hub.slurm.associations import NAME, Account, Change, accounts, apply, changes, cluster_name
from hub.slurm.commands import Slurm, SlurmError
from hub.slurm.qualities import allowances, missing, qualities
from hub.web.hub_client import HubClient

app = typer.Typer(help="Make a Slurm cluster and Werkbank agree.", no_args_is_help=True)


@app.command("sync")
def sync(
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
    do: Annotated[bool, typer.Option("--apply/--dry-run", help="Do it, or only say what would be done.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also take members out who are in no programme's list.")
    ] = False,
) -> None:
    """Give programmes' accounts in Slurm their members, shares and bounds on GPUs, and the QOS that jobs ask for.

    Members are those of the settings and, while the workbench runs, those whom sign-in put in the group. Accounts that
    belong to no programme are left alone, and nobody is taken out of one without --prune. The QOS `site.slurm.qos` is
    made where there is none, and added to what the accounts may use; no QOS is changed or taken away.
    """
    wanted = runtime(settings, state)
    want = list(_wanted(wanted.settings, _groups(HubClient(wanted.state))))
    site = wanted.settings.site.slurm
    asyncio.run(_sync(want, site.qos if site else None, do=do, prune=prune))


@app.command("sudoers")
def sudoers(
    group: Annotated[str, typer.Option(metavar="GROUP", help="The Unix group of those who may have seats.")] = "",
    user: Annotated[str, typer.Option(metavar="USER", help="Who Werkbank runs as.")] = "",
    check: Annotated[str, typer.Option("--check", metavar="PERSON", help="May we give jobs of this person?")] = "",
) -> None:
    """Print the smallest sudoers file with which Werkbank, not being root, gives Slurm jobs of others; or check it."""
    if check and os.geteuid() != 0:
        missing = rights.missing_for(check)
        if missing:
            programs = " and ".join(missing)
            raise SettingsError(
                f"{own_account()} may not run {programs} as {check}: {rights.how_to_install(own_account())}."
            )
    if check:
        typer.echo(f"{own_account()} may give jobs of {check}, and take them back.")
        return
    if not group:
        raise typer.BadParameter("Which Unix group may have seats? Name it with --group.")
    typer.echo(rights.sudoers(user or own_account(), group), nl=False)


def _wanted(settings: Settings, groups: dict[str, set[str]]) -> list[Account]:
    site = settings.site.slurm
    if site is None:
        raise SettingsError("These settings name no cluster: `site.kind` is not `slurm`. Nothing was changed.")
    found = []
    for programme in settings.programmes:
        if programme.name not in site.accounts:
            continue
        members = {*programme.members, *programme.leads, *groups.get(programme.name, ())}
        for name in sorted(members):
            if not NAME.fullmatch(name):
                raise SettingsError(f'Slurm can have no user called "{name}", a member of {programme.name}.')
        account = site.accounts[programme.name]
        found.append(Account(account, programme.share, programme.quota.gpus, frozenset(members)))
    if not found:
        raise SettingsError("`site.slurm.accounts` names no account for any programme. Nothing was changed.")
    return found


def _groups(hub: HubClient) -> dict[str, set[str]]:
    """Groups and their members as the running hub knows them."""
    try:
        return hub.groups()
    except httpx.HTTPError:
        typer.echo("! The workbench does not run: only members that the settings name are known.", err=True)
        return {}


async def _sync(want: list[Account], qos: str | None, *, do: bool, prune: bool) -> None:
    slurm = Slurm()
    planned = await _planned(slurm, want, qos)
    if not planned:
        typer.echo("Slurm has it all as the settings say.")
    done = 0
    for change in planned:
        if change.takes_away and not prune:
            typer.echo(f"- {change.says}: not without --prune")
        elif not do:
            typer.echo(f"+ {change.says}")
        else:
            await _apply(slurm, change, done)
            done += 1
    if do:
        typer.echo(f"{done} changed.")
    elif planned:
        typer.echo("Nothing was changed. `--apply` does what stands behind a +.")


async def _planned(slurm: Slurm, want: list[Account], qos: str | None) -> list[Change]:
    """All that is to do, in the order to do it in."""
    cluster = await cluster_name(slurm)
    planned = list(changes(await accounts(slurm, cluster), want, cluster))
    if qos is None:
        return planned
    have = await qualities(slurm, cluster)
    return [*missing(qos, have), *planned, *allowances(qos, have, want, cluster)]


async def _apply(slurm: Slurm, change: Change, done: int) -> None:
    try:
        await apply(slurm, change)
    except SlurmError as error:
        raise type(error)(f"{change.says}: {error} {done} before it were changed; run it again to go on.") from None
    typer.echo(f"✓ {change.says}")
