"""Does the engine have what the settings say of it? Sentences for an admin."""

from collections.abc import Iterator, Mapping

from hub.containers.engine import Engine, NotThere
from hub.containers.firewall import wall
from hub.containers.shape import image_of
from hub.settings import ContainersSite, Settings

ROOT_USERS = ("", "0", "root")


def doubts(engine: Engine, settings: Settings) -> list[str]:
    """What does not fit, with its place in the settings; none where all fits. Raises EngineSilent, EngineClosed."""
    site = settings.site.containers
    assert site is not None
    architecture = str(engine.ask("version").get("Arch", ""))
    found = []
    for place, image in _images(settings, site).items():
        try:
            told = engine.ask("inspect_image", image)
        except NotThere:
            found.append(f"`{place}`: the engine has no image {image}; pull or build it first.")
            continue
        found += [f"`{place}`: {one}" for one in _unusable(image, told, architecture)]
    return found


def _images(settings: Settings, site: ContainersSite) -> Mapping[str, str]:
    """Each image once, by where the settings name it."""
    places: dict[str, str] = {}
    for profile in settings.profiles:
        place = f"profiles.{profile.name}.image" if profile.image else "site.containers.image"
        places.setdefault(image_of(profile, site), place)
    return {place: image for image, place in places.items()}


def _unusable(image: str, told: Mapping[str, object], architecture: str) -> Iterator[str]:
    own = str(told.get("Architecture") or "")
    if architecture and own and own != architecture:
        yield f"the image {image} is for {own}, and this machine is {architecture}."
    config = told.get("Config")
    user = str(config.get("User", "") if isinstance(config, Mapping) else "")
    if user.partition(":")[0] in ROOT_USERS:
        yield f"the image {image} runs as root; seats need one with a user of its own, such as localhost/werkbank/lab."


def shortcomings(settings: Settings) -> Iterator[str]:
    """What the settings want and nothing here holds, in sentences for the admin."""
    site = settings.site.containers
    if site is None:
        return
    if site.network == "outside" and not (standing := wall()).enforced:
        yield (
            f"Seats reach what this machine serves on its own addresses: {standing.reason}. "
            "Put up a firewall of your own, or set site.containers.network to none."
        )
    if site.gpus == "advisory" and any(not one.simulated for one in settings.gpu_classes.values()):
        yield (
            "GPUs are advisory (site.containers.gpus): kernels are told their devices, and nothing holds seats to them."
        )
