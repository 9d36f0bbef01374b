"""Names on the machine: folders made from names of people, and the account we run as."""

import os
import pwd
import re

from jupyterhub.slugs import safe_slug

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_LOOKS_HASHED = re.compile(r".*-[0-9a-f]{8}")
_HOME_LENGTH = 32 + len("-") + 8


def home_name(user: str) -> str:
    """A folder name for `user` that every file system takes and no other user gets.

    A plain name is its own; any other becomes a slug with eight hexadecimal digits of its SHA-256.
    A plain name that looks like such a slug gets digits too, so that nobody can sign up for
    somebody else's folder.
    """
    return str(safe_slug(user, max_length=_HOME_LENGTH, is_valid=_is_own_home))


def own_account() -> str:
    """The account this process runs as; in containers a user id often has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user-{os.geteuid()}"


def _is_own_home(name: str, _max_length: int) -> bool:
    return bool(_PLAIN.fullmatch(name)) and not _LOOKS_HASHED.fullmatch(name)
