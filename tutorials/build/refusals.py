"""What is wrong with a file that people write, in sentences: which key, what was found, what is allowed."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

_SHOWN = 60  # characters of a wrong value that are shown


class CatalogueError(ValueError):
    """A catalogue that cannot be used; the message has a line for each problem, with its file and key."""


def refusal(model: type[BaseModel], problem: ValidationError) -> list[str]:
    """A sentence for each of the problems that ``model`` found."""
    return [_sentence(model, error) for error in problem.errors()]


def _sentence(model: type[BaseModel], error: Any) -> str:
    place = error["loc"]
    key = ".".join(str(part) for part in place)
    if error["type"] == "missing":
        allowed = _values(_model_at(model, place[:-1]).model_fields[str(place[-1])].annotation)
        return f"{key}: is missing" + (f"; allowed are {', '.join(allowed)}" if allowed else "")
    if error["type"] == "extra_forbidden":
        return f"{key}: is not a key here; allowed are {', '.join(sorted(_model_at(model, place[:-1]).model_fields))}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    found = repr(error["input"])
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]} …"
    return f"{key}: {error['msg']} (found {shown})"


def _model_at(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """The model of what lies at ``place`` in ``model``."""
    for part in place:
        if isinstance(part, str):
            model = _innermost(model.model_fields[part].annotation)
    return model


def _innermost(annotation: Any) -> Any:
    """What an annotation such as ``list[Model]`` is about."""
    while get_args(annotation) and get_origin(annotation) is not Literal:
        annotation = get_args(annotation)[0]
    return annotation


def _values(annotation: Any) -> list[str]:
    """The values of a closed list; none for anything else."""
    innermost = _innermost(annotation)
    return [str(value) for value in get_args(innermost)] if get_origin(innermost) is Literal else []
