"""A network for each user."""

from contextlib import suppress
from pathlib import Path

from hub.containers.engine import Engine, EngineRefused, NameTaken, NotThere
from hub.containers.names import LABEL, USER_LABEL, bridge_name, network_name, workbench_id


async def make(engine: Engine, state: Path, user: str) -> None:
    """The user's network, if it is not there. Raises EngineError."""
    name = network_name(state, user)
    try:
        await engine.call("inspect_network", name)
    except NotThere:
        try:
            await engine.call(
                "create_network",
                name,
                driver="bridge",
                labels={LABEL: workbench_id(state), USER_LABEL: user},
                options={"com.docker.network.bridge.name": bridge_name(state, user)},
            )
        except NameTaken:
            return  # another seat of the same user, at the same moment


async def remove(engine: Engine, state: Path, user: str) -> None:
    """Take the user's network away, unless a seat of theirs is in it. Raises EngineError for no answer alone."""
    with suppress(EngineRefused):
        await engine.call("remove_network", network_name(state, user))
