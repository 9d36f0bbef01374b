"""`werkbank test`: the project's own tests."""


def test() -> None:
    """Run tests."""
