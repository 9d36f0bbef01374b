"""JupyterHub as `up` runs it: `python -m hub.running.hub -f FILE`. Its services start together."""

import asyncio
import gc
import time

# What is imported stays. Looking again and again for what could be thrown away is a fifth of a start.
gc.disable()

from jupyterhub import app  # noqa: E402 - see above
from jupyterhub.objects import Server  # noqa: E402
from jupyterhub.services.service import Service  # noqa: E402

LOOK_S = 0.1


class JupyterHub(app.JupyterHub):  # type: ignore[misc]  # JupyterHub has no types
    """JupyterHub starts a service when the one before it answers; here those that answer do not wait for each other."""

    async def start(self) -> None:
        """Start what was set up, and answer."""
        gc.freeze()
        gc.enable()
        # Before the proxy, too: what services read in first takes them longer than hub and proxy need to answer.
        self._starts = {
            name: asyncio.create_task(self._until_it_answers(name, service), name=f"start {name}")
            for name, service in self._service_map.items()
            if service.managed and service.url
        }
        await super().start()

    async def start_service(self, service_name: str, service: Service, ssl_context: object = None) -> bool:
        """Whether it started; `start` asks for one after the other."""
        started: bool = await (
            self._starts.get(service_name) or super().start_service(service_name, service, ssl_context)
        )
        return started

    async def _until_it_answers(self, name: str, service: Service) -> bool:
        """As stock, which looks ever more seldom, in the end every five seconds."""
        try:
            await service.start()
        except Exception:
            self.log.critical("Failed to start service %s", name, exc_info=True)
            return False
        server, late = Server.from_orm(service.orm.server), time.monotonic() + service.timeout
        while time.monotonic() < late:
            try:
                await server.wait_up(timeout=LOOK_S, http=True)
                return True
            except TimeoutError:
                if (status := await service.spawner.poll()) is not None:
                    self.log.critical("Service %s exited with status %s", name, status)
                    return False
        self.log.critical("Service %s does not answer after %g s", name, service.timeout)
        return False


if __name__ == "__main__":
    JupyterHub.launch_instance()
