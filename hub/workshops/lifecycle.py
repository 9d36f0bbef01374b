"""The way of a workshop: what may become of it, and what that asks for."""

from enum import StrEnum


class WorkshopState(StrEnum):
    """Where a workshop is on its way."""

    DRAFT = "draft"
    """Written down; nothing is kept for it."""
    PUBLISHED = "published"
    """It will be given: its GPUs are reserved, and its seats count against what others may ask for."""
    CLOSED = "closed"
    """Over, or called off: nothing is kept for it any more."""


MOVES: dict[str, tuple[frozenset[WorkshopState], WorkshopState]] = {
    "publish": (frozenset({WorkshopState.DRAFT}), WorkshopState.PUBLISHED),
    "withdraw": (frozenset({WorkshopState.PUBLISHED}), WorkshopState.DRAFT),
    "close": (frozenset({WorkshopState.DRAFT, WorkshopState.PUBLISHED}), WorkshopState.CLOSED),
}
"""By action: from which states it is possible, and to which it leads. Doing it again changes nothing."""


def after(state: WorkshopState, action: str) -> WorkshopState | None:
    """The state that `action` leads to from `state`: the same when it was done already, None when it cannot be done."""
    possible, leads_to = MOVES[action]
    if state is leads_to:
        return state
    return leads_to if state in possible else None
