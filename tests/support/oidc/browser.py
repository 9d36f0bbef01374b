"""As much of a browser as signing in takes: cookies, redirects, and forms filled in."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from tests.support.oidc.hub import Hub


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page.text)
        assert self.action is not None, f"{page.url} ({page.status_code}) has no form:\n{page.text}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = found.get("action") or ""
        elif tag == "input" and found.get("name"):
            self.fields[str(found["name"])] = found.get("value") or ""


class Browser(httpx.Client):
    """One person's browser, with its own cookies."""

    def __init__(self, hub: Hub, language: str = "en") -> None:
        super().__init__(follow_redirects=True, trust_env=False, timeout=30, headers={"Accept-Language": language})
        self.hub = hub

    def submit(self, page: httpx.Response, **answers: str) -> httpx.Response:
        """Fill in the form on `page` and send it."""
        form = _Form(page)
        return self.post(urljoin(str(page.url), form.action), data={**form.fields, **answers})

    def sign_in(self, username: str, password: str) -> httpx.Response:
        """Through the hub's own form."""
        return self.submit(self.get(f"{self.hub.url}/hub/login"), username=username, password=password)

    def sign_in_at_provider(self, login: str) -> httpx.Response:
        """Through the provider: its sign-in form, its consent form, and back to the hub."""
        return self.consent(self.submit(self.get(f"{self.hub.url}/hub/oauth_login"), login=login, password="any"))

    def consent(self, page: httpx.Response) -> httpx.Response:
        """Answer the consent form when the provider shows it."""
        return self.submit(page) if "consent" in page.text and not str(page.url).startswith(self.hub.url) else page

    def is_signed_in(self) -> bool:
        """Whether the hub's home page is shown instead of the sign-in page."""
        return self.get(f"{self.hub.url}/hub/home").url.path == "/hub/home"
