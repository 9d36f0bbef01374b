"""Configuration of the idle culler's process: its arbiter asks the same functions as the pages."""

import os
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
from traitlets.config import get_config

from hub import logs
from hub.db import connect
from hub.runtime import Runtime
from hub.seats.idle import Activity, outlook
from hub.seats.keep import Keeps
from hub.workshops.admission import Admission

logs.configure()
log = logs.get_logger("culler")
c = get_config()

runtime = Runtime.from_environment()
current = runtime.current()
engine = connect(runtime.state.database("werkbank"))
keeps, admission = Keeps(engine), Admission(engine)
public_url = os.environ["WERKBANK_PUBLIC_URL"].rstrip("/")
token = os.environ["JUPYTERHUB_API_TOKEN"]


async def arbiter(*, server: dict[str, Any], **_: Any) -> bool:
    """Whether this seat stops now. Any doubt (no profile, no answer, no database) lets it live."""
    settings = current.settings
    profile_name = (server.get("user_options") or {}).get("profile")
    try:
        profile = settings.profile_of_seat(str(profile_name))
    except KeyError:
        log.warning("seat.profile_unknown", url=server["url"], profile=profile_name)
        return False
    started = datetime.fromisoformat(server["started"])
    until, _count = keeps.of(owner(server["url"]), server["name"], started)
    now = datetime.now(UTC)
    last = datetime.fromisoformat(server["last_activity"] or server["started"])
    end = outlook(Activity(started, last, until), profile, settings.culling, now)
    if not end.is_due(now):
        return False
    if end.why == "idle" and admission.of(owner(server["url"])):
        log.info("seat.in-a-workshop", url=server["url"])
        return False
    if end.why == "idle" and await may_run_a_cell(server["url"]):
        log.info("seat.busy", url=server["url"])
        return False
    log.info("seat.due", url=server["url"], why=end.why, last_activity=last.isoformat())
    return True


def owner(url: str) -> str:
    """The user of a seat's address `…/user/NAME/` or `…/user/NAME/SERVER/`."""
    match = re.search(r"/user/([^/]+)/", url)
    return unquote(match[1]) if match else ""


async def may_run_a_cell(url: str) -> bool:
    """Whether a kernel of the seat is busy: a long silent cell sends no messages (jupyterhub#1498).

    True as well when the seat does not answer: not knowing is no reason to end somebody's work. A seat
    that never answers again ends with its life.
    """
    headers = {"Authorization": f"token {token}"}
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            reply = await client.get(f"{public_url}{url}api/kernels", headers=headers)
            reply.raise_for_status()
            return any(kernel["execution_state"] == "busy" for kernel in reply.json())
    except (httpx.HTTPError, ValueError, KeyError) as error:
        log.warning("seat.silent", url=url, error=str(error))
        return True


c.IdleCuller.cull_arbiter_hook = arbiter
c.IdleCuller.cull_every = current.settings.culling.check_period
# The arbiter alone decides; this only fills the culler's own log line.
c.IdleCuller.timeout = min(profile.idle_timeout for profile in current.settings.profiles)
