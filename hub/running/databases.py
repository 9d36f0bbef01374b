"""The databases of a workbench: where they are, and that they can be used, before anything is started on them."""

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, OperationalError

from hub.db import engine_of
from hub.errors import StartError
from hub.migrations.schema import LEASES, SERVICE, Schema, migrate
from hub.runtime import Runtime


def addresses(runtime: Runtime) -> dict[Schema, str]:
    """SQLAlchemy URLs of the databases that are Werkbank's own; JupyterHub keeps its own itself."""
    leases = runtime.settings.leases.database
    return {
        SERVICE: runtime.state.database("werkbank"),
        LEASES: runtime.state.database("leases") if leases == "sqlite" else leases,
    }


def bring_up_to_date(runtime: Runtime) -> None:
    """Migrate all of them. Raises DatabaseTooNew, and StartError when one does not answer."""
    for schema, url in addresses(runtime).items():
        try:
            engine = engine_of(url)
        except ArgumentError as error:  # no such kind of database, or no address at all
            raise StartError(f"The database of {schema.title} cannot be used: {error}. Nothing was started.") from None
        try:
            migrate(engine, schema)
        except OperationalError as error:
            raise StartError(_unusable(schema, engine, error)) from None
        finally:
            engine.dispose()


def _unusable(schema: Schema, engine: Engine, error: OperationalError) -> str:
    place = engine.url.render_as_string(hide_password=True)
    reason = str(error.orig).strip().splitlines()[0]
    return f"The database of {schema.title} ({place}) cannot be used: {reason} Nothing was started."
