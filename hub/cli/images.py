"""`werkbank images`: build the container images, and see what they are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hub.images.build import Builder, source_date
from hub.images.contents import look, problems
from hub.images.known import base_of, image_of, megabytes_of
from hub.images.program import ImagesError, Program, find
from hub.images.recipes import DELIVERED, GPU, LOCAL_DEBIAN, RECIPES
from hub.runtime import ROOT

app = typer.Typer(help="Build container images from the locks, and see what they are.", no_args_is_help=True)

Chosen = Annotated[
    list[str] | None, typer.Argument(metavar="[IMAGE…]", help=f"{', '.join(DELIVERED)}: all of these; or {GPU}.")
]
ProgramName = Annotated[
    str, typer.Option("--engine", metavar="PROGRAM", help="podman or docker; the first that is here.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("build")
def build(
    chosen: Chosen = None,
    base: Annotated[
        str, typer.Option(metavar="IMAGE", help=f"What they are built on; {LOCAL_DEBIAN} once `images base` made it.")
    ] = "",
    anew: Annotated[bool, typer.Option("--no-cache", help="Build everything again, whatever is there.")] = False,
    program: ProgramName = "",
    as_json: AsJson = False,
) -> None:
    """Build images, and what they are built on. What has not changed since is left as it is."""
    engine = find(program)
    builder = Builder(engine, base or base_of(engine), anew=anew)
    console = Console(stderr=True)
    built = []
    for one in builder.build(_names(chosen), lambda words: console.print(words, highlight=False)):
        built.append(one)
        if one.is_new:
            console.print(f"  {one.name} in {one.seconds:.0f} s", highlight=False)
    if as_json:
        told = {one.name: {"id": one.id, "seconds": round(one.seconds, 1), "built": one.is_new} for one in built}
        typer.echo(json.dumps(told, indent=2))
        return
    _show(engine, _names(chosen))


@app.command("base")
def base_image(program: ProgramName = "") -> None:
    """Make a base image from Debian's packages, for machines that reach no registry. Needs root and mmdebstrap."""
    from hub.images.debian import make

    typer.echo(f"{make(find(program), source_date())} is there; `images build` uses it.")


@app.command("test")
def see(chosen: Chosen = None, program: ProgramName = "", as_json: AsJson = False) -> None:
    """Start each image and see whether it is what it promises. Exit 1 when one is not."""
    engine = find(program)
    found = {name: list(problems(engine, look(engine, name))) for name in _names(chosen)}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for name, said in found.items():
            typer.echo(f"{name}: {'; '.join(said) or 'as it should be'}.")
    if any(found.values()):
        raise typer.Exit(1)


@app.command("sbom")
def sbom(
    chosen: Chosen = None,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the bills go.")] = ROOT / ".werkbank/images",
    program: ProgramName = "",
    as_json: AsJson = False,
) -> None:
    """Write a bill of materials (CycloneDX) and the licences of each image."""
    from hub.images.sbom import bill, licences

    engine = find(program)
    to.mkdir(parents=True, exist_ok=True)
    told: dict[str, dict[str, Any]] = {}
    for name in _names(chosen):
        seen = look(engine, name)
        text = bill(seen, str(image_of(engine, name)["Id"]), source_date())
        (to / f"{name}.cdx.json").write_text(text + "\n", encoding="utf-8")
        found = licences(text)
        lines = [f"{licence or 'none stated'}: {', '.join(parts)}" for licence, parts in sorted(found.items())]
        (to / f"{name}.licences.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        told[name] = {
            "file": str(to / f"{name}.cdx.json"),
            "parts": sum(len(seen.facts[kind]) for kind in ("python", "debian", "node")),
            "without_licence": found.get("", []),
        }
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for name, one in told.items():
        typer.echo(f"{name}: {one['parts']} parts, {len(one['without_licence'])} state no licence; {one['file']}")


@app.command("size")
def size(chosen: Chosen = None, program: ProgramName = "", as_json: AsJson = False) -> None:
    """How large the images are, unpacked."""
    engine = find(program)
    if as_json:
        sizes = {name: {"mb": megabytes_of(engine, name)} for name in _names(chosen)}
        typer.echo(json.dumps(sizes, indent=2))
        return
    _show(engine, _names(chosen))


def _names(chosen: Sequence[str] | None) -> Sequence[str]:
    for name in chosen or ():
        if name not in RECIPES:
            there = ", ".join((*DELIVERED, GPU))
            raise ImagesError(f"There is no image {name!r}; there are {there}. Nothing was done.")
    return chosen or DELIVERED


def _show(engine: Program, names: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("image", "MB", "id"):
        table.add_column(title, justify="right" if title == "MB" else "left")
    for name in names:
        image = image_of(engine, name)
        table.add_row(RECIPES[name].tag, f"{megabytes_of(engine, name):.0f}", str(image["Id"])[:12])
    Console().print(table)
