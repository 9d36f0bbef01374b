"""What of the images an engine has here."""

from collections.abc import Mapping
from typing import Any

from hub.images.program import ImagesError, Program
from hub.images.recipes import DEBIAN, LOCAL_DEBIAN, RECIPES


def image_of(engine: Program, name: str) -> Mapping[str, Any]:
    """What the engine knows of an image. Raises ImagesError where it was not built."""
    image = engine.image(RECIPES[name].tag)
    if image is None:
        raise ImagesError(f"There is no image {RECIPES[name].tag} here. Build it: `werkbank images build {name}`.")
    return image


def megabytes_of(engine: Program, name: str) -> float:
    """How large it is, unpacked, in 10⁶ bytes. Raises ImagesError."""
    return round(int(image_of(engine, name)["Size"]) / 1e6, 1)


def base_of(engine: Program) -> str:
    """What images are built on: the base that was made here, else Debian's own from its registry."""
    return LOCAL_DEBIAN if engine.image(LOCAL_DEBIAN) is not None else DEBIAN
