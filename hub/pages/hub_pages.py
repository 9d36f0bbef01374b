"""JupyterHub's own pages in Werkbank's face and in the reader's language."""

from typing import Any

from jupyterhub.handlers.base import BaseHandler

from hub.pages import STATIC, TEMPLATES
from hub.pages.filters import FILTERS
from hub.settings import Settings
from hub.words import COOKIE, choose_language, translator

_stock_namespace = BaseHandler.template_namespace.fget


def install(c: Any, settings: Settings) -> None:
    """Lay our templates over JupyterHub's."""
    c.JupyterHub.template_paths = [str(TEMPLATES / "jupyterhub")]
    c.JupyterHub.template_vars = {"site": settings.site, "sign_in": settings.authentication, "style": _style()}
    # JupyterHub hands templates the user but not the request, and the language is the request's.
    BaseHandler.template_namespace = property(_namespace)


def _namespace(handler: BaseHandler) -> dict[str, Any]:
    language = choose_language(handler.get_cookie(COOKIE), handler.request.headers.get("Accept-Language"))
    return _stock_namespace(handler) | FILTERS | {"language": language, "_": translator(language), "path": handler.request.uri}


def _style() -> str:
    """The style sheet, put into the page: the hub cannot serve our static files before the service is up."""
    from markupsafe import Markup

    return Markup((STATIC / "werkbank.css").read_text())
