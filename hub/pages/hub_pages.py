"""JupyterHub's own pages in Werkbank's face and in the reader's language."""

from functools import partial
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.spawner import SpawnException

from hub.pages import TEMPLATES, script, style
from hub.pages.face import Face
from hub.pages.filters import FILTERS
from hub.pages.my_seats import my_seat, my_seats
from hub.settings import Current, Settings
from hub.words import COOKIE, choose_language, translations

_stock_namespace = BaseHandler.template_namespace.fget


def install(c: Any, current: Current) -> None:
    """Lay our templates over JupyterHub's."""
    c.JupyterHub.template_paths = [str(TEMPLATES / "jupyterhub"), str(TEMPLATES)]
    c.JupyterHub.jinja_environment_options = {"extensions": ["jinja2.ext.i18n"]}
    # The hub cannot serve our static files before the service is up, so both stand in the page.
    c.JupyterHub.template_vars = {
        "current": current,
        "sign_in": current.started.authentication,
        "style": style(),
        "script": script(),
    }
    # JupyterHub hands templates the user but not the request, and the language is the request's.
    BaseHandler.template_namespace = property(_namespace)
    # On the spawn form JupyterHub shows str(error), with the log's words in it, unless it finds this.
    SpawnException.jupyterhub_message = property(lambda error: error.message)


def _namespace(handler: BaseHandler) -> dict[str, Any]:
    stock: dict[str, Any] = _stock_namespace(handler)
    settings, hub_url = stock["current"].settings, stock["base_url"]
    return (
        stock
        | FILTERS
        | _words(handler)
        | {
            "settings": settings,
            "site": settings.site,
            "path": handler.request.uri,
            "face": _face(handler, settings),
            "my_seats": partial(my_seats, settings=settings, hub_url=hub_url),
            "my_seat": partial(my_seat, settings=settings, hub_url=hub_url),
        }
    )


def _face(handler: BaseHandler, settings: Settings) -> Face:
    user = handler.current_user
    if user is None:
        return Face(handler.base_url, None)
    admin = "admin-ui" in handler.parsed_scopes
    groups = {group.name for group in getattr(user, "groups", ())}
    return Face(handler.base_url, user.name, admin, admin or settings.lets_train(groups))


def _words(handler: BaseHandler) -> dict[str, Any]:
    """The reader's language, and what `_()` and `{% trans %}` look up."""
    language = choose_language(handler.get_cookie(COOKIE), handler.request.headers.get("Accept-Language"))
    catalogue = translations(language)
    return {
        "language": language,
        "_": catalogue.gettext,
        "gettext": catalogue.gettext,
        "ngettext": catalogue.ngettext,
    }
