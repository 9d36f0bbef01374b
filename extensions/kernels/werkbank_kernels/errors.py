"""What can go wrong between a kernel and its lease; each text is a sentence for people."""

from __future__ import annotations

from tornado import web


class Told(web.HTTPError):
    """A "no" of the seat's server whose sentence JupyterLab shows, in place of a stack trace."""

    def __init__(self, sentence: str, status: int = 409) -> None:
        super().__init__(status, "%s", sentence)
        self.sentence = sentence

    @property
    def log_message(self) -> str:
        """What jupyter_server puts in its JSON answer."""
        return self.sentence

    def __str__(self) -> str:
        return self.sentence


class KernelNotStarted(Told):
    """A kernel cannot start."""


class Refused(Exception):
    """The broker answered and said no: `code` for programs, the text for people, `status` as in HTTP."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


class Silent(Exception):
    """The broker gave no usable answer; whether it acted is unknown."""
