"""What to say of a body that is no JSON: where it breaks off."""

from json import JSONDecodeError

from hub.web.problems import Problem
from hub.words import later

_NOT_JSON = later("The body of this request is not JSON.")


def broken_json(cause: BaseException | None) -> Problem:
    """The answer to a body whose reading ended with `cause`."""
    match cause:
        case JSONDecodeError():
            hint, place = later("It can be read up to line {line}, column {column}. Look there."), _of_text(cause)
        case UnicodeDecodeError():
            hint, place = later("Line {line}, column {column} is not text in UTF-8."), _of_bytes(cause)
        case _:
            # No other error of the parser knows where it was.
            hint, place = later("It is nested too deeply, or holds a number that is too long."), {}
    return Problem(400, "not-json", _NOT_JSON, hint, place)


def _of_text(cause: JSONDecodeError) -> dict[str, str]:
    return {"line": str(cause.lineno), "column": str(cause.colno)}


def _of_bytes(cause: UnicodeDecodeError) -> dict[str, str]:
    """Lines and columns from 1, in characters as an editor counts them."""
    before = cause.object[: cause.start].decode(cause.encoding, "replace")
    return {"line": str(before.count("\n") + 1), "column": str(len(before) - (before.rfind("\n") + 1) + 1)}
