"""The admins' pages on a running workbench: what they show, and that nobody else gets to see them."""

import csv
import io

import pytest

from tests.support.workbench import Workbench, text_of

PAGES = ["admin", "admin/log", "admin/log.csv", "admin/operations", "admin/operations/devices/SIMULATED-simulated-0"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("user", ["scientist", "trainer"])
def test_only_admins_read_pages_of_admins(workbench: Workbench, user: str, path: str) -> None:
    reply = workbench.browser(user).http.get(f"/services/werkbank/{path}")
    assert reply.status_code == 403
    assert "Only admins may do this." in text_of(reply.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in(workbench: Workbench, path: str) -> None:
    assert workbench.browser().http.get(f"/services/werkbank/{path}").url.path == "/hub/login"


def test_the_way_to_them_is_shown_to_admins_alone(workbench: Workbench) -> None:
    for page in ("/hub/home", "/services/werkbank/"):
        assert 'href="/services/werkbank/admin"' in workbench.browser("admin").http.get(page).text
        assert 'href="/services/werkbank/admin"' not in workbench.browser("trainer").http.get(page).text
        assert 'href="/services/werkbank/workshops"' in workbench.browser("trainer").http.get(page).text
        assert 'href="/services/werkbank/workshops"' not in workbench.browser("scientist").http.get(page).text


def test_the_log_can_be_searched_and_taken_along(workbench: Workbench) -> None:
    admin = workbench.browser("admin").http
    page = admin.get("/services/werkbank/admin/log", params={"words": "<b>nobody%_ 1"})
    assert "Nothing in the log has all of these words." in text_of(page.text)
    assert "<b>nobody" not in page.text
    rows = list(csv.reader(io.StringIO(admin.get("/services/werkbank/admin/log.csv").text)))
    assert rows[0] == ["number", "at", "who", "what", "about", "detail"]
