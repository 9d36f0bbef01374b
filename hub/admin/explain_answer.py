"""What an explanation says: a verdict, the numbers behind it, and what would change it."""

from typing import Literal

from pydantic import BaseModel

from hub.leases.explain_view import HolderRow, LineRow

Verdict = Literal["yes", "waits", "no"]


class Fact(BaseModel):
    """One number or circumstance that the verdict rests on."""

    label: str
    text: str


class Answer(BaseModel):
    """For people and for the command line alike."""

    verdict: Verdict
    code: str
    """Why not, for programs; empty for yes."""
    sentence: str
    facts: list[Fact]
    changes: list[str]
    """What would change it; empty for yes."""
    line: list[LineRow] = []
    """Who waits for the same class, first to last."""
    devices: list[HolderRow] = []
    """The class's devices, and why each is or is not on its way to them."""
    asked: str = ""
    """The lease that the line is about."""
