"""JupyterHub as `up` runs it: `python -m hub.running.hub -f FILE`. Its services start together."""

import asyncio
import gc

# What is imported stays. Looking again and again for what could be thrown away is a fifth of a start.
gc.disable()

from jupyterhub import app  # noqa: E402 - see above


class JupyterHub(app.JupyterHub):  # type: ignore[misc]  # JupyterHub has no types
    """JupyterHub starts a service when the one before it answers; here those that answer do not wait for each other."""

    async def start(self) -> None:
        """Start what was set up, and answer."""
        gc.freeze()
        gc.enable()
        # Before the proxy, too: what services read in first takes them longer than hub and proxy need to answer.
        start = super().start_service
        self._starts = {
            name: asyncio.create_task(start(name, service), name=f"start {name}")
            for name, service in self._service_map.items()
            if service.url
        }
        await super().start()

    async def start_service(self, service_name: str, service: object, ssl_context: object = None) -> bool:
        """Whether it started; `start` asks for one after the other."""
        started: bool = await (
            self._starts.get(service_name) or super().start_service(service_name, service, ssl_context)
        )
        return started


if __name__ == "__main__":
    JupyterHub.launch_instance()
