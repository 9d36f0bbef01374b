"""Runs the service where JupyterHub says: `python -m hub.service`."""

import gc
import os
from urllib.parse import urlsplit

# What is imported stays. Looking again and again for what could be thrown away is a fifth of a start.
gc.disable()

import uvicorn  # noqa: E402 - see above

from hub import logs  # noqa: E402
from hub.db import connect  # noqa: E402
from hub.runtime import Runtime  # noqa: E402
from hub.service.app import create_app  # noqa: E402
from hub.web.auth import OAuthClient  # noqa: E402


def main() -> None:
    """Serve until stopped."""
    logs.configure()
    runtime = Runtime.from_environment()
    engine = connect(runtime.state.database("werkbank"))
    app = create_app(runtime, engine, OAuthClient.from_environment(), os.environ["JUPYTERHUB_API_URL"])
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    gc.freeze()
    gc.enable()
    uvicorn.run(
        app,
        host=address.hostname or "127.0.0.1",
        port=address.port or 0,
        log_level="warning",
        proxy_headers=True,
        # Seats listen to their leases without end; they ask again when somebody answers.
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
