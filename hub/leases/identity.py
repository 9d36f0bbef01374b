"""What a lease is called, and the token its seat proves itself with.

Both follow from what is known already, so a request that is repeated gets the same answer and nothing
secret has to be kept: the id is that of the request's key, the token is signed with the service's secret.
"""

import hashlib
import hmac

PREFIX = "wbl_"
"""Lease tokens begin with this, so that they are never mistaken for JupyterHub's."""


def lease_id(user: str, key: str) -> str:
    """The id of the lease that `user` asks for with this idempotency key."""
    return hashlib.sha256(f"{user}\0{key}".encode()).hexdigest()[:24]


class Tokens:
    """Makes and checks lease tokens."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def of(self, lease: str) -> str:
        """The token that gives its bearer this one lease, and nothing else."""
        return PREFIX + hmac.new(self._secret, lease.encode(), hashlib.sha256).hexdigest()

    def proves(self, token: str, lease: str) -> bool:
        """Whether the token is that lease's."""
        return hmac.compare_digest(token.encode(), self.of(lease).encode())
