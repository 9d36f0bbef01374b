"""A software bill of materials for an image: CycloneDX, with the licence of each part where one is stated."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from hub import __version__
from hub.images.contents import Contents
from hub.images.recipes import RECIPES


def bill(seen: Contents, image_id: str, created: int) -> str:
    """The bill as JSON, valid by CycloneDX's schema; the same image gives the same text."""
    from datetime import UTC, datetime

    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    subject = Component(
        name=RECIPES[seen.image].tag.removeprefix("localhost/"),
        version=__version__,
        type=ComponentType.CONTAINER,
        bom_ref=image_id,
    )
    components = [
        Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL(**purl),
            bom_ref=str(PackageURL(**purl)),
            licenses=_licences(licence),
        )
        for name, version, licence, purl in _parts(seen)
    ]
    bom = Bom(
        components=components,
        metadata=BomMetaData(component=subject, timestamp=datetime.fromtimestamp(created, UTC)),
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, image_id),
    )
    bom.register_dependency(subject, components)
    return str(JsonV1Dot6(bom).output_as_string(indent=2))


def licences(text: str) -> dict[str, list[str]]:
    """By licence, the parts under it; "" for those that state none. From a bill."""
    found: dict[str, list[str]] = {}
    for part in json.loads(text)["components"]:
        named = [_named(choice) for choice in part.get("licenses", [])] or [""]
        for licence in named:
            found.setdefault(licence, []).append(f"{part['name']} {part['version']}")
    return found


def _named(choice: dict[str, Any]) -> str:
    licence = choice.get("license", {})
    return str(choice.get("expression") or licence.get("id") or licence.get("name") or "")


def _licences(stated: str) -> list[Any]:
    from cyclonedx.factory.license import LicenseFactory

    return [LicenseFactory().make_from_string(stated)] if stated else []


def _parts(seen: Contents) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for one in seen.facts["python"]:
        yield one["name"], one["version"], one["licence"], _purl("pypi", one)
    for one in seen.facts["debian"]:
        more = {"namespace": "debian", "qualifiers": {"arch": one["architecture"]}}
        yield one["name"], one["version"], one["licence"], _purl("deb", one) | more
    for one in seen.facts["node"]:
        yield one["name"], one["version"], one["licence"], _purl("npm", one)


def _purl(type: str, one: dict[str, str]) -> dict[str, Any]:
    namespace, _, name = one["name"].rpartition("/")
    return {"type": type, "namespace": namespace or None, "name": name, "version": one["version"]}
