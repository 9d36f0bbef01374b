"""What Prometheus reads of workshops: how many, and how those that are on are doing. Counts only."""

from collections import Counter as Tally
from collections.abc import Collection, Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge

from hub.web.hub_api import SeatRecord
from hub.workshops.classroom import Class
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.people import How
from hub.workshops.room import Stage, stage_of


class WorkshopMetrics:
    """Gauges, set when somebody reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(f"werkbank_{name}", says, labels, registry=registry)

        self._workshops = gauge("workshops", "Workshops", "state")
        self._planned = gauge("workshop_seats_planned", "Seats that workshops which are warm or live plan for")
        self._running = gauge("workshop_seats_running", "Of the people of those workshops, seats that run")
        self._learners = gauge("workshop_learners", "Learners of those workshops, by how they are doing", "stage")
        self._hands = gauge("workshop_hands_raised", "Learners of those workshops who ask for help")

    def set_gauges(
        self, states: Mapping[str, int], classes: Collection[Class], seats: Iterable[SeatRecord], now: float
    ) -> None:
        """How many workshops there are by state, those that are on, and everybody's running seats at `now`."""
        for state in WorkshopState:
            self._workshops.labels(str(state)).set(states.get(state, 0))
        people = {user for one in classes for user in one.members.keys() | one.workshop.people}
        self._planned.set(sum(one.workshop.seats for one in classes))
        self._running.set(sum(seat.ready and seat.user in people for seat in seats))
        self._hands.set(sum(len(one.room.hands()) for one in classes))
        doing = Tally(stage for one in classes for stage in _stages(one, now))
        for stage in Stage:
            self._learners.labels(str(stage)).set(doing[stage])


def _stages(one: Class, now: float) -> Iterable[Stage]:
    """How each learner is doing; made-up people of a rehearsal are none."""
    exercises = one.exercises
    real = (user for user, member in one.members.items() if member.how is not How.REHEARSAL)
    return (stage_of(one.room.learners.get(user), exercises, now) for user in real)
