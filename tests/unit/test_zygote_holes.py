"""What a child makes lies beside what it shares, not between it: tried in an interpreter of its own."""

import subprocess
import sys

import pytest

PAGE = 4096
WITH_HOLES = """
import random, sys
from werkbank_zygote import holes
order = random.Random(4).sample(range(3_000), 3_000)
made = [make() for _ in range(3_000)]
for number in order[:1_500]: made[number] = None
shared = {id(one) // {page} for one in made if one is not None}
if sys.argv[1:]: holes.fill()
new = [make() for _ in range(500)]
print(sum(id(one) // {page} in shared for one in new))
"""


def among_shared(make: str, *fill: str) -> int:
    """How many of 500 new objects lie on a page with one that was there before."""
    code = f"make = lambda: {make}" + WITH_HOLES.replace("{page}", str(PAGE))
    done = subprocess.run([sys.executable, "-c", code, *fill], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("make", ["object()", "bytes(31)", "bytes(95)", "bytes(300)", "bytearray(700)"])
def test_new_objects_lie_on_pages_of_their_own_once_the_holes_are_filled(make: str) -> None:
    assert among_shared(make) > 250, "or there were no holes to fill"
    assert among_shared(make, "fill") <= 20
