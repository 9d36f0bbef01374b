"""How a temporary account comes in: a ticket from the workshop's page, good once, for a minute, in one browser."""

import hmac
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

COOKIE = "werkbank-guest"
"""Set in the browser that asked; a ticket is of no use in another."""
SECONDS = 60


@dataclass(frozen=True)
class Ticket:
    """What lets a temporary account sign in."""

    user: str
    workshop: str
    number: str
    """So that it is good once."""


class Tickets:
    """Made by the service, taken by the hub; both know the secret."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="werkbank-guest")
        self._used: dict[str, float] = {}

    def __deepcopy__(self, _known: dict[int, Any]) -> "Tickets":
        """JupyterHub copies its configuration; which tickets were used is known once."""
        return self

    def make(self, user: str, workshop: str) -> tuple[str, str]:
        """A ticket, and what the browser's cookie holds."""
        nonce = secrets.token_urlsafe(24)
        ticket = {"user": user, "workshop": workshop, "number": secrets.token_hex(8), "browser": _hash(nonce)}
        return self._signer.dumps(ticket), nonce

    def take(self, ticket: str, nonce: str) -> Ticket | None:
        """What the ticket says, once; None for one that is not ours, too old, used, or of another browser."""
        try:
            told = self._signer.loads(ticket, max_age=SECONDS)
            mine = hmac.compare_digest(str(told["browser"]).encode(), _hash(nonce).encode())
            taken = Ticket(str(told["user"]), str(told["workshop"]), str(told["number"]))
        except (BadData, KeyError, TypeError):
            return None
        now = time.monotonic()
        self._used = {number: until for number, until in self._used.items() if until > now}
        if not mine or taken.number in self._used:
            return None
        self._used[taken.number] = now + 2 * SECONDS
        return taken


def _hash(nonce: str) -> str:
    return sha256(nonce.encode()).hexdigest()
