"""The value types settings are made of: how an admin writes them, and what they mean."""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")


def duration(value: Any) -> int:
    """Read "90m" as 5400 seconds; a bare number has no unit and is refused."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a whole number with its unit is needed: "30s", "10m", "2h" or "1d"')
    return int(match[1]) * _UNITS[match[2]]


def format_seconds(seconds: int) -> str:
    """The shortest way to write a duration: 5400 -> "90m", 7200 -> "2h"."""
    for unit, size in sorted(_UNITS.items(), key=lambda item: -item[1]):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Duration = Annotated[
    int,
    BeforeValidator(duration),
    PlainSerializer(format_seconds, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}\s*[smhd]$", "examples": ["30s", "10m", "2h"]}),
]
"""Seconds, written with a unit."""


def _whole_mebibytes(value: ByteSize) -> ByteSize:
    if value < 64 * 2**20:
        raise ValueError(f"at least 64MiB is needed, got {value.human_readable()}")
    return value


Memory = Annotated[
    ByteSize,
    AfterValidator(_whole_mebibytes),
    PlainSerializer(lambda size: f"{int(size) // 2**20}MiB", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["512MiB", "4GiB"]}),
]
"""Bytes, written with a unit: MiB and GiB count in 1024, MB and GB in 1000."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""A short name: lower-case letters, digits and hyphens, at most 32 characters."""


def _absolute(value: str) -> str:
    if not value.startswith("/") or "\0" in value or ".." in value.split("/"):
        raise ValueError("a folder's whole path is needed, such as /scratch")
    return value


AbsoluteFolder = Annotated[str, Field(min_length=2, max_length=1000), AfterValidator(_absolute)]
"""The path of a folder, from the root. It need not be there on every node."""

OWN_VARIABLES = ("JUPYTER", "WERKBANK_", "DASK_GATEWAY")


def _not_ours(name: str) -> str:
    if name.startswith(OWN_VARIABLES):
        raise ValueError(f"the workbench itself sets variables that begin with {', '.join(OWN_VARIABLES)}")
    return name


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"), AfterValidator(_not_ours)]
"""An environment variable that is not one of the workbench's own."""

GroupName = Annotated[str, Field(min_length=1, max_length=255)]
"""A JupyterHub group."""

UserName = Annotated[str, Field(min_length=1, max_length=64)]
"""A JupyterHub user."""

SlurmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A partition, an account or a QOS: letters, digits, `_`, `.` and `-`, at most 64 characters."""

Gres = Annotated[str, Field(pattern=r"^gpu(:[A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$")]
"""GPUs as Slurm calls them: `gpu`, or `gpu:h200` for one type."""

_IMAGE_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    r"(?=.{1,255}$)"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"  # registry
    rf"{_IMAGE_PART}(?:/{_IMAGE_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"  # tag
    r"(?:@sha256:[a-f0-9]{64})?"
)


def _image(value: str) -> str:
    if not IMAGE.fullmatch(value):
        raise ValueError(
            "the name of an image is needed, such as localhost/werkbank/lab:1: a registry, a name in lower case, a tag "
            "and a digest (@sha256:…), made of letters, digits and . _ - / : alone"
        )
    return value


ImageName = Annotated[str, AfterValidator(_image)]
"""The name of a container image, as engines take it."""

CdiName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}/[A-Za-z0-9][A-Za-z0-9_.-]{0,62}=[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$"
    ),
]
"""A device as the Container Device Interface calls it: `nvidia.com/gpu=0`."""

HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$")]
"""The name or IPv4 address of a machine."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number, and nothing that can be read as one."""


def _not_zero_litres(value: Any) -> Any:
    if value == 0:
        raise ValueError('0 litres is a missing value, not a fact; leave `water` out and people read "not reported"')
    return value


Litres = Annotated[Number, BeforeValidator(_not_zero_litres)]
"""Litres of water that something took; never 0, which is what stands where nobody looked."""

Source = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
"""Where a figure comes from, in the admin's words."""
