"""The way of a workshop: what may become of it, and what that asks for."""

from enum import StrEnum

from hub.words import later


class WorkshopState(StrEnum):
    """Where a workshop is on its way."""

    DRAFT = "draft"
    """Written down; nothing is kept for it."""
    PUBLISHED = "published"
    """It will be given: its GPUs are reserved, and its seats count against what others may ask for."""
    REHEARSED = "rehearsed"
    """Published, and a rehearsal went well."""
    WARM = "warm"
    """About to begin: seats are started, and people come in."""
    LIVE = "live"
    """It is being given."""
    CLOSED = "closed"
    """Over, or called off: nothing is kept for it any more."""


S = WorkshopState
STATE_WORDS = {
    S.DRAFT: later("a draft"),
    S.PUBLISHED: later("published"),
    S.REHEARSED: later("rehearsed"),
    S.WARM: later("warm"),
    S.LIVE: later("being given"),
    S.CLOSED: later("closed"),
}
"""As they stand in a sentence: "a workshop that is …"."""
PROMISED = frozenset({S.PUBLISHED, S.REHEARSED, S.WARM, S.LIVE})
"""Something is kept for it."""
OPEN = frozenset({S.WARM, S.LIVE})
"""People have their seats in it."""

MOVES: dict[str, tuple[frozenset[WorkshopState], WorkshopState]] = {
    "publish": (frozenset({S.DRAFT}), S.PUBLISHED),
    "withdraw": (frozenset({S.PUBLISHED, S.REHEARSED}), S.DRAFT),
    "pass": (frozenset({S.PUBLISHED}), S.REHEARSED),
    "warm": (frozenset({S.PUBLISHED, S.REHEARSED}), S.WARM),
    "begin": (frozenset({S.PUBLISHED, S.REHEARSED, S.WARM}), S.LIVE),
    "close": (frozenset(S) - {S.CLOSED}, S.CLOSED),
}
"""By action: from which states it is possible, and to which it leads. Doing it again changes nothing."""


def after(state: WorkshopState, action: str) -> WorkshopState | None:
    """The state that `action` leads to from `state`: the same when it was done already, None when it cannot be done."""
    possible, leads_to = MOVES[action]
    if state is leads_to or (action == "publish" and state in PROMISED) or (action == "warm" and state is S.LIVE):
        return state
    return leads_to if state in possible else None
