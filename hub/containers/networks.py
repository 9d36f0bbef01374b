"""A network for each user."""

from pathlib import Path

from hub.containers.engine import Engine, NameTaken, NotThere
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
