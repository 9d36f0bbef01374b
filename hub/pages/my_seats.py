"""A person's seats as the hub's own pages show them: running ones and named ones that rest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from hub.settings import Profile, Settings

State = Literal["running", "starting", "stopping", "resting"]


@dataclass(frozen=True)
class MySeat:
    """One seat and what can be done with it."""

    name: str
    state: State
    profile: Profile | None
    """What it runs, or ran last."""
    started: datetime | None
    open_url: str
    start_url: str
    pending_url: str
    api_url: str


def my_seats(user: Any, settings: Settings, hub_url: str) -> list[MySeat]:
    """All seats of a JupyterHub user, the one without a name first."""
    return [my_seat(user, spawner, settings, hub_url) for spawner in user.all_spawners()]


def my_seat(user: Any, spawner: Any, settings: Settings, hub_url: str) -> MySeat:
    """One of them; `spawner` is JupyterHub's wrapper or, for a seat that rests, its record."""
    name, state = spawner.name, _state(spawner)
    tail = f"{user.escaped_name}/{quote(name, safe='')}" if name else user.escaped_name
    return MySeat(
        name=name,
        state=state,
        profile=_profile(spawner, settings),
        started=_record(spawner).started if state == "running" else None,
        open_url=user.server_url(name),
        start_url=f"{hub_url}spawn/{tail}",
        pending_url=f"{hub_url}spawn-pending/{tail}",
        api_url=f"{hub_url}api/users/{user.escaped_name}/" + (f"servers/{quote(name, safe='')}" if name else "server"),
    )


def _state(spawner: Any) -> State:
    if spawner.pending in ("spawn", "stop"):
        return "starting" if spawner.pending == "spawn" else "stopping"
    return "running" if spawner.active else "resting"


def _profile(spawner: Any, settings: Settings) -> Profile | None:
    """None when it never ran, or when the settings no longer have the profile."""
    name = (spawner.user_options or {}).get("profile")
    return next((one for one in (*settings.profiles, *settings.retired) if one.name == name), None)


def _record(spawner: Any) -> Any:
    return getattr(spawner, "orm_spawner", spawner)
