"""The waiting line of one GPU class: who goes first, and which place somebody has."""

# rpds' types cannot be subscripted at run time.
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rpds import HashTrieMap

from hub.leases.model import Rank
from hub.leases.ordered import OrderedSet

Queue = OrderedSet[tuple[float, float, str, str]]
"""The level of the user's use, since when, the user, the lease."""
Ages = OrderedSet[tuple[float, str]]
"""Since when, the lease."""

_EMPTY_QUEUE: Queue = OrderedSet()
_EMPTY_AGES: Ages = OrderedSet()


class Entry(NamedTuple):
    """Where one lease stands."""

    rank: Rank
    programme: str
    user_level: float
    user: str
    queued_at: float
    lease: str
    home: str
    """For one that returns: the only device it can have; empty where any will do."""


@dataclass(frozen=True, slots=True)
class Line:
    """Everyone who could be given a device of the class if one were free.

    Those held back by a cap of their own are not in it: they join when they may.
    """

    entries: HashTrieMap[str, Entry] = field(default_factory=HashTrieMap)
    queues: HashTrieMap[tuple[Rank, str], Queue] = field(default_factory=HashTrieMap)
    """By rank and programme."""
    ages: HashTrieMap[Rank, Ages] = field(default_factory=HashTrieMap)
    returning: HashTrieMap[str, Ages] = field(default_factory=HashTrieMap)
    """By device; those who can return to any device are under the empty name."""

    def __len__(self) -> int:
        return len(self.entries)

    def joined(self, entry: Entry) -> Line:
        """This line with `entry` in it, wherever it stood before."""
        line = self.left(entry.lease)
        entries = line.entries.insert(entry.lease, entry)
        age = (entry.queued_at, entry.lease)
        if entry.rank is Rank.RETURNING:
            here = line.returning.get(entry.home) or _EMPTY_AGES
            return replace(line, entries=entries, returning=line.returning.insert(entry.home, here.insert(age)))
        place = (entry.rank, entry.programme)
        queue = (line.queues.get(place) or _EMPTY_QUEUE).insert(_key(entry))
        ages = (line.ages.get(entry.rank) or _EMPTY_AGES).insert(age)
        return replace(
            line, entries=entries, queues=line.queues.insert(place, queue), ages=line.ages.insert(entry.rank, ages)
        )

    def left(self, lease: str) -> Line:
        """This line without the lease."""
        entry = self.entries.get(lease)
        if entry is None:
            return self
        entries = self.entries.remove(lease)
        age = (entry.queued_at, entry.lease)
        if entry.rank is Rank.RETURNING:
            return replace(
                self, entries=entries, returning=_put(self.returning, entry.home, self.returning[entry.home], age)
            )
        place = (entry.rank, entry.programme)
        return replace(
            self,
            entries=entries,
            queues=_put(self.queues, place, self.queues[place], _key(entry)),
            ages=_put(self.ages, entry.rank, self.ages[entry.rank], age),
        )

    def in_order(self, rank: Rank, programmes: list[str], aged_before: float) -> Iterator[Entry]:
        """Those of one rank, first to last: who waits since before `aged_before`, oldest first; then by
        programme (in the given order), in it by the user's use, then by age.
        """
        aged = set()
        for queued_at, lease in self.ages.get(rank) or ():
            if queued_at >= aged_before:
                break
            aged.add(lease)
            if (entry := self.entries[lease]).programme in programmes:
                yield entry
        for programme in programmes:
            for *_key, lease in self.queues.get((rank, programme)) or ():
                if lease not in aged:
                    yield self.entries[lease]

    def place(self, lease: str, programmes: list[str], aged_before: float) -> int:
        """The place of a lease in this line, 1 for whoever is next. KeyError when it is not in it."""
        entry = self.entries[lease]
        if entry.rank is Rank.RETURNING:
            return self.returning[entry.home].rank((entry.queued_at, lease)) + 1
        before = sum(len(ages) for rank, ages in self.ages.items() if rank < entry.rank)
        if entry.rank > Rank.RETURNING:
            before += sum(len(ages) for ages in self.returning.values())
        return before + self._place_in_rank(entry, programmes, aged_before)

    def _place_in_rank(self, entry: Entry, programmes: list[str], aged_before: float) -> int:
        ages = self.ages[entry.rank]
        if entry.queued_at < aged_before:
            return ages.rank((entry.queued_at, entry.lease)) + 1
        order = {programme: place for place, programme in enumerate(programmes)}
        own = (order.get(entry.programme, len(order)), _key(entry))
        before = self.queues[(entry.rank, entry.programme)].rank(_key(entry))
        before += sum(
            len(queue)
            for (rank, programme), queue in self.queues.items()
            if rank is entry.rank and order.get(programme, len(order)) < own[0]
        )
        return before + self._aged_behind(entry.rank, own, order, aged_before) + 1

    def _aged_behind(self, rank: Rank, own: tuple[int, tuple[object, ...]], order: dict[str, int], bound: float) -> int:
        """How many of those who waited too long would otherwise stand behind."""
        behind = 0
        for queued_at, lease in self.ages[rank]:
            if queued_at >= bound:
                break
            other = self.entries[lease]
            behind += (order.get(other.programme, len(order)), _key(other)) > own
        return behind

    def programmes_waiting(self) -> set[str]:
        """Programmes with somebody in the line who may have any device."""
        return {programme for (_rank, programme), queue in self.queues.items() if len(queue)}


def _key(entry: Entry) -> tuple[float, float, str, str]:
    return (entry.user_level, entry.queued_at, entry.user, entry.lease)


def _put(table: HashTrieMap[Any, Any], key: Any, keys: OrderedSet[Any], gone: tuple[Any, ...]) -> HashTrieMap[Any, Any]:
    """The table without `gone` among the keys at `key`; no empty sets stay behind."""
    left = keys.discard(gone)
    return table.insert(key, left) if len(left) else table.remove(key)
