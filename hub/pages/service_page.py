"""A page of the service: the template with what every one of them needs."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from hub.pages import render
from hub.pages.face import Face
from hub.web.hub_api import Person
from hub.words import COOKIE, choose_language


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """The template as the reader's page; `context` may name the `person` who reads."""
    return HTMLResponse(rendered(request, template, **context), status_code=status)


def rendered(request: Request, template: str, **context: Any) -> str:
    """The same as text, for a part of a page."""
    state = request.app.state
    frame = {
        "prefix": state.oauth.prefix,
        "site": state.settings.site,
        "path": request.url.path,
        "face": face_of(request, context["person"]) if context.get("person") else _face(request, context),
    }
    return render(template, language_of(request), **context | frame)


def language_of(request: Request) -> str:
    """The reader's language."""
    return choose_language(request.cookies.get(COOKIE), request.headers.get("Accept-Language"))


def face_of(request: Request, person: Person) -> Face:
    """The head of a page that `person` reads."""
    trainer = person.admin or request.app.state.settings.lets_train(person.groups)
    return Face(_base_url(request), person.name, person.admin, trainer)


def _face(request: Request, context: dict[str, Any]) -> Face:
    """Of a page that nobody signed in for, where it says so; or of one that cannot know."""
    return Face(_base_url(request), None if "person" in context else "")


def _base_url(request: Request) -> str:
    return str(request.app.state.oauth.base_url)
