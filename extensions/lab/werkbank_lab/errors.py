"""What can go wrong between the seat and the broker."""


class NoAnswer(Exception):
    """The broker did not answer, or what it said cannot be read. Nothing is known, which is not the same as "no"."""


class Refused(Exception):
    """The broker says no; the text is its sentence and hint."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
