"""Fills the holes between what all children share, so that what a child makes lies on pages of its own.

Imports leave free places between objects that live on. A child's new objects would go there, and each would un-share a
page of four kilobytes for a few bytes. What fills the holes is never used, and shared like everything else: it costs
the zygote about a megabyte, and saves each kernel four (24 → 20 MB, without torch).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from itertools import pairwise, repeat
from typing import Any

POOL = 16_384
"""Bytes in which CPython keeps objects of one size."""
SIZES = range(16, 513, 16)
"""Bytes of the objects that CPython keeps in pools."""
MOST_BREAKS = 1 / 8
"""Of the steps from each object to the next: one is from pool to pool, and others make objects meanwhile."""
MOST_BATCHES = 20
"""Bounds what is made where memory is not as we expect: another allocator, a debugger's."""
BLOCKS = (8192, 4096, 2048, 1536, 1024, 768, 640, 552, 528, 384, 256, 192, 128, 96, 64, 40, 24)
"""Bytes of the blocks that fill what the C library has free, large holes first."""
MOST_BLOCKS = 50_000
MALLOC_INFO = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"

_filling: list[Any] = []


class _MallocInfo(ctypes.Structure):
    """`struct mallinfo2` of the GNU C library."""

    _fields_ = [(name, ctypes.c_size_t) for name in MALLOC_INFO.split()]


def fill() -> None:
    """After the last import, before the first fork."""
    for size in SIZES:
        _filling.append(_fill_pools(size))
    _fill_heap()


def _fill_pools(size: int) -> list[Any]:
    """Make objects of this size until two pools of them lie in rows: no pool with a hole is left before those."""
    make, count = _maker(size), 2 * (POOL // size)
    made: list[Any] = []
    for _ in repeat(None, MOST_BATCHES):
        batch = [make() for _ in repeat(None, count)]  # `repeat` makes no numbers: those would lie among small objects
        made += batch
        breaks = sum(id(second) - id(first) != size for first, second in pairwise(batch))
        if breaks <= MOST_BREAKS * count:
            break
    return made


def _maker(size: int) -> Callable[[], Any]:
    if size == 16:
        return object
    if size == 32:
        return lambda: float("1.5")
    return lambda: bytes(size - 33)


def _fill_heap() -> None:
    """The same for larger objects, and for those of libraries, where the C library tells what it has free."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return
    library.mallinfo2.restype = _MallocInfo
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    left = MOST_BLOCKS
    for size in BLOCKS:
        while left:
            left -= 1
            before = library.mallinfo2()
            block = library.malloc(size)
            after = library.mallinfo2()
            if after.keepcost < before.keepcost or after.arena != before.arena:
                library.free(block)  # there is no hole of this size: it came from the end
                break
