"""A sorted set that shares structure between versions: insert, remove, first and rank in O(log n).

`decide` is pure, so yesterday's queue must survive today's insertion. The libraries of this field have
two of persistence, order and rank, not all three; hence this weight-balanced tree (Adams 1993, with the
balance parameters proved by Hirai and Yamamoto, 2011).
"""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=tuple[Any, ...])

Node = tuple[Any, Any, Any, int] | None
"""Left subtree, key, right subtree, number of keys."""

_DELTA, _GAMMA = 3, 2


class OrderedSet(Generic[Key]):
    """Keys are tuples that compare with each other; no key is in it twice."""

    __slots__ = ("_root",)

    def __init__(self, _root: Node = None) -> None:
        self._root = _root

    def insert(self, key: Key) -> "OrderedSet[Key]":
        """This set and `key`."""
        return OrderedSet(_insert(self._root, key))

    def discard(self, key: Key) -> "OrderedSet[Key]":
        """This set without `key`."""
        return OrderedSet(_discard(self._root, key))

    def first(self) -> Key:
        """The smallest key. IndexError when the set is empty."""
        node = self._root
        if node is None:
            raise IndexError("first of an empty set")
        while node[0] is not None:
            node = node[0]
        key: Key = node[1]
        return key

    def rank(self, key: Key) -> int:
        """How many keys are smaller than `key`."""
        node, smaller = self._root, 0
        while node is not None:
            if node[1] < key:
                smaller += _size(node[0]) + 1
                node = node[2]
            else:
                node = node[0]
        return smaller

    def __len__(self) -> int:
        return _size(self._root)

    def __iter__(self) -> Iterator[Key]:
        stack: list[Any] = []
        node = self._root
        while stack or node is not None:
            while node is not None:
                stack.append(node)
                node = node[0]
            node = stack.pop()
            yield node[1]
            node = node[2]


def _size(node: Node) -> int:
    return 0 if node is None else node[3]


def _make(left: Node, key: Any, right: Node) -> Node:
    return (left, key, right, _size(left) + _size(right) + 1)


def _balance(left: Node, key: Any, right: Node) -> Node:
    """A node of both subtrees, one of which may have become too heavy by one key."""
    left_weight, right_weight = _size(left) + 1, _size(right) + 1
    if right is not None and right_weight > _DELTA * left_weight:
        inner, inner_key, outer, _n = right
        if inner is None or _size(inner) + 1 < _GAMMA * (_size(outer) + 1):
            return _make(_make(left, key, inner), inner_key, outer)
        return _make(_make(left, key, inner[0]), inner[1], _make(inner[2], inner_key, outer))
    if left is not None and left_weight > _DELTA * right_weight:
        outer, inner_key, inner, _n = left
        if inner is None or _size(inner) + 1 < _GAMMA * (_size(outer) + 1):
            return _make(outer, inner_key, _make(inner, key, right))
        return _make(_make(outer, inner_key, inner[0]), inner[1], _make(inner[2], key, right))
    return _make(left, key, right)


def _insert(node: Node, key: Any) -> Node:
    if node is None:
        return (None, key, None, 1)
    left, own, right, _n = node
    if key < own:
        return _balance(_insert(left, key), own, right)
    if own < key:
        return _balance(left, own, _insert(right, key))
    return node


def _discard(node: Node, key: Any) -> Node:
    if node is None:
        return None
    left, own, right, _n = node
    if key < own:
        return _balance(_discard(left, key), own, right)
    if own < key:
        return _balance(left, own, _discard(right, key))
    if left is None or right is None:
        remaining: Node = right if left is None else left
        return remaining
    successor = right
    while successor[0] is not None:
        successor = successor[0]
    return _balance(left, successor[1], _discard(right, successor[1]))
