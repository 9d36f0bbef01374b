"""Starting many seats ahead of time, as for a class: who is ready, and who is not and why."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

import httpx

from hub.authentication.names import claimed
from hub.authentication.sentences import SignInRefused
from hub.errors import WerkbankError
from hub.web.hub_client import HubClient, StartAnswer

AT_ONCE = 8
"""Seats asked for at the same moment: what comes all at once is not sooner ready, and others start seats too."""
READY_TIMEOUT = 120.0
LOOK_PERIOD = 0.1
MOST_USERS = 5000
GIVEN_UP = "nobody waits for it any more"

State = Literal["ready", "was running", "refused", "failed"]


class BadRoster(WerkbankError):
    """The list of users cannot be used; no seat was started."""


@dataclass(frozen=True)
class Outcome:
    """What became of one user's seat."""

    user: str
    state: State
    seconds: float
    why: str = ""

    @property
    def is_ready(self) -> bool:
        return self.state in ("ready", "was running")


def read_roster(path: Path) -> list[str]:
    """The users in a file: one a line, or the first column of a table. Raises BadRoster with every wrong line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRoster(f"{path}: {error}. No seat was started.") from None
    users, problems = [], []
    for number, line in enumerate(lines, 1):
        name = line.replace(";", ",").replace("\t", ",").split(",")[0].strip().strip('"')
        if not name or name.startswith("#") or (number == 1 and name.lower() in ("user", "username", "name")):
            continue
        try:
            users.append(claimed(name))
        except SignInRefused as refused:
            problems.append(f'line {number}: "{name[:60]}": {refused}')
    if not users:
        problems.append("it names nobody; give one user name a line")
    if len(users) > MOST_USERS:
        problems.append(f"{len(users)} users; at most {MOST_USERS}")
    if problems:
        raise BadRoster("\n".join([f"{path} cannot be used; no seat was started.", *problems[:20]]))
    return list(dict.fromkeys(users))


def warm(
    hub: HubClient,
    users: Sequence[str],
    profile: str,
    tell: Callable[[Outcome], None],
    is_over: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Start the default seat of each user, some at a time; in the order of `users`. `tell` hears of each when it is.

    Once `is_over`, no more are asked for and none is waited for.
    """
    found: dict[str, Outcome] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="warm") as pool:
        for done in as_completed([pool.submit(_start, hub, user, profile, is_over) for user in users]):
            outcome = done.result()
            found[outcome.user] = outcome
            tell(outcome)
    return [found[user] for user in users]


def _start(hub: HubClient, user: str, profile: str, is_over: Callable[[], bool]) -> Outcome:
    began = monotonic()
    if is_over():
        return Outcome(user, "failed", 0.0, GIVEN_UP)
    try:
        state, why = _outcome(hub, user, hub.start_seat(user, profile), is_over)
    except httpx.HTTPError as error:  # one seat's trouble is not the class's, nor that of whoever asks
        state, why = "failed", f"the hub does not answer: {error}"
    return Outcome(user, state, round(monotonic() - began, 2), why)


def _outcome(hub: HubClient, user: str, answer: StartAnswer, is_over: Callable[[], bool]) -> tuple[State, str]:
    match answer.kind:
        case "ready":
            return "ready", ""
        case "running":
            return "was running", ""
        case "refused":
            return "refused", answer.why
        case "failed":
            return "failed", answer.why
    return _wait(hub, user, is_over)


def _wait(hub: HubClient, user: str, is_over: Callable[[], bool]) -> tuple[State, str]:
    deadline = monotonic() + READY_TIMEOUT
    while monotonic() < deadline:
        if is_over():
            return "failed", GIVEN_UP
        ready = hub.seat_is_ready(user)
        if ready is None:
            return "failed", "its start failed; the hub's log says why"
        if ready:
            return "ready", ""
        sleep(LOOK_PERIOD)
    return "failed", f"not ready within {READY_TIMEOUT:g} s"


def counts(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, int]]:
    """How many of each state, most first."""
    states = [outcome.state for outcome in outcomes]
    yield from sorted(((state, states.count(state)) for state in set(states)), key=lambda pair: (-pair[1], pair[0]))
