"""Which images there are, what each is built on, and what each is built from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = "localhost/werkbank/"
DEBIAN = "docker.io/library/debian:12-slim"
LOCAL_DEBIAN = "localhost/debian:12-slim"
"""What `werkbank images base` makes where no registry is."""
WHOLE = "werkbank"
"""The image of the whole workbench: `podman run werkbank` finds it."""
GPU = "lab-gpu"
"""Gigabytes: built where somebody asks for it by name."""
LOCK, GPU_LOCK = "images/workbench.lock", "images/lab-gpu/lab-gpu.lock"
PROXY = ("images/hub/package.json", "images/hub/package-lock.json")
INSTALLING = ("images/tools/install", "images/tools/online")


@dataclass(frozen=True)
class Recipe:
    """How one image is built. Paths are relative to the checkout; a folder stands for all that is in it."""

    name: str
    folder: str
    """Below images/, where its Containerfile is."""
    inputs: tuple[str, ...]
    """What it is built from besides its Containerfile."""
    parents: dict[str, str]
    """By build argument, the image that goes there: built before. The first is what it is on top of."""
    target: str = ""
    """The stage of the Containerfile; "" for its last."""

    @property
    def tag(self) -> str:
        return PREFIX.rstrip("/") if self.name == WHOLE else f"{PREFIX}{self.name}"


def _libraries(name: str, parent: str, installs: str = "", locks: tuple[str, ...] = ()) -> Recipe:
    """The stage of an image that has the libraries alone: a changed line of ours does not build it again."""
    files = (LOCK, *INSTALLING, f"images/{installs or name}/requirements.in", *locks)
    return Recipe(f"{name}-libraries", name, files, {"PARENT": parent, "TOOLS": "tools"}, "libraries")


def _image(name: str, *inputs: str) -> Recipe:
    """The libraries, and what is ours on top."""
    return Recipe(name, name, inputs, {"LIBRARIES": f"{name}-libraries", "PARTS": "parts"})


OURS = (
    "LICENSE", "README.md", "extensions", "hub", "images/parts", "jupyterhub_config.py", "pyproject.toml",
    "tutorials/__init__.py", "tutorials/build", "tutorials/notebooks", "werkbank.yaml",
)  # fmt: skip
SERVING = ("images/hub/serve", "images/hub/werkbank")
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("base", "base", ("images/base",), {"BASE": ""}),
        Recipe("tools", "tools", (*INSTALLING, *PROXY, "images/bootstrap.lock", LOCK), {"PARENT": "base"}),
        Recipe("parts", "parts", OURS, {"TOOLS": "tools"}),
        _libraries("worker", "base"),
        _image("worker"),
        _libraries("lab", "worker-libraries"),
        _image("lab"),
        _libraries(GPU, "lab-libraries", locks=(GPU_LOCK,)),
        _image(GPU),
        _libraries("hub", "base"),
        _image("hub", *SERVING),
        _libraries(WHOLE, "lab-libraries", "hub"),
        _image(WHOLE, *SERVING, "images/werkbank/with-accounts"),
    )
}
"""In an order in which they can be built."""
DELIVERED = ("werkbank", "hub", "lab", "worker")
"""Those that a site runs; the others are steps on the way."""


def needed(names: Sequence[str]) -> Iterator[Recipe]:
    """These images and all that they are built on, in the order of building."""
    wanted: set[str] = set()

    def want(name: str) -> None:
        if name and name not in wanted:
            wanted.add(name)
            for parent in RECIPES[name].parents.values():
                want(parent)

    for name in names:
        want(name)
    return (recipe for recipe in RECIPES.values() if recipe.name in wanted)


def files_of(recipe: Recipe, root: Path) -> Iterator[Path]:
    """All that the build of an image reads of the checkout, in a fixed order."""
    for name in sorted({f"images/{recipe.folder}/Containerfile", ".dockerignore", *recipe.inputs}):
        path = root / name
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and not _is_made(file, root))
        else:
            yield path


def _is_made(file: Path, root: Path) -> bool:
    """Made by building or running; .dockerignore leaves it out as well."""
    parts = file.relative_to(root).parts
    return (
        bool({"__pycache__", "node_modules", "labextension"} & set(parts))
        or file.suffix in (".pyc", ".mo")
        or parts[:3] in (("extensions", "lab", "lib"), ("extensions", "lab", "tests"))
    )
