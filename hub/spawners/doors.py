"""What stands between a person and a seat, besides what they ask for (`options`).

The spawner asks these at a start; admins ask them for somebody else, to see why a start is refused.
"""

import pwd
from collections.abc import Iterable, Sequence

from hub.errors import Refusal
from hub.settings import Profile, Settings
from hub.spawners.capacity import Capacity
from hub.words import Translate
from hub.workshops.admission import Admitted, is_guest


def profiles_of(user: str, groups: Iterable[str], admitted: Sequence[Admitted], settings: Settings) -> list[Profile]:
    """Those that a user may have now: their groups', and those of workshops that are on."""
    by_workshop = {one.profile for one in admitted}
    mine = [] if is_guest(user) else settings.profiles_for(groups)
    return [one for one in settings.profiles if one in mine or one.name in by_workshop]


def require_room(profile: Profile, capacity: Capacity, _: Translate, language: str) -> None:
    """Raises Refusal when the memory of `profile` cannot be promised."""
    if capacity.seats_left(profile) > 0:
        return
    sentence = _(
        "All seats of {profile} are taken: its {memory} GiB of memory are promised to others. "
        "Pick a smaller profile, or try again when a seat ends."
    )
    facts = {"profile": profile.title.in_language(language), "memory": f"{profile.memory / 2**30:g}"}
    raise Refusal(sentence.format(**facts), reason="no-capacity", status_code=503)


def require_account(name: str, _: Translate) -> None:
    """Raises Refusal when this machine has no account of that name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        sentence = _("This machine has no account called {name}. Ask the admins to make one.")
        raise Refusal(sentence.format(name=name), reason="no-account", status_code=403) from None
