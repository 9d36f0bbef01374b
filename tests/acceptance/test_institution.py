"""A member of an institution: sign in at a real OpenID provider, in a browser, on the whole workbench."""

from pathlib import Path

from playwright.sync_api import expect

from hub.state import free_ports
from tests.support.browser import open_browser, screenshot
from tests.support.oidc.provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.support.workbench import ROOT, Workbench, text_of

DEMO = "authentication:\n  kind: demo\n"


def oidc_settings(issuer: str) -> str:
    """The default settings with the institution's provider in place of the demo."""
    before, after = (ROOT / "werkbank.yaml").read_text().split(DEMO)
    _demo_users, rest = after.split("\n# System accounts instead:", 1)
    sign_in = f"""authentication:
  kind: oidc
  issuer: {issuer}
  client_id: {CLIENT_ID}
  client_secret: env:WERKBANK_OIDC_SECRET
  group_map: {{"urn:example:co:health-ri": health-ri}}
  allowed_groups: [health-ri]
  title: {{en: Example University, nl: Voorbeelduniversiteit}}
"""
    return f"{before}{sign_in}\n# System accounts instead:{rest}"


def test_a_member_signs_in_at_the_institution_and_gets_the_programmes_profiles(
    own_workbench: Workbench, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("WERKBANK_OIDC_SECRET", CLIENT_SECRET)
    (port,) = free_ports(1)
    with (
        running_provider(f"http://127.0.0.1:{port}/hub/oauth_callback", tmp_path) as provider,
        open_browser() as browser,
    ):
        own_workbench.settings = tmp_path / "werkbank.yaml"
        own_workbench.settings.write_text(oidc_settings(provider.issuer))
        started = own_workbench.up("--port", str(port))
        assert started.returncode == 0, started.stdout + started.stderr
        provider.set_accounts(
            {
                "noor": {"preferred_username": "noor@example.nl", "groups": ["urn:example:co:health-ri"]},
                "gast": {"preferred_username": "gast@example.nl", "groups": ["visitors"]},
            }
        )
        for account, may in (("noor", True), ("gast", False)):
            context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="nl-NL")
            page = context.new_page()
            page.goto(f"{own_workbench.address}/hub/login")
            expect(page.locator("html")).to_have_attribute("lang", "nl")
            screenshot(page, f"login-institution-{account}")
            page.get_by_role("link", name="Voorbeelduniversiteit").click()
            page.locator("input[name=login]").fill(account)
            page.locator("input[name=password]").fill("any")
            page.locator("button[type=submit]").click()
            page.get_by_role("button", name="Continue").click()
            page.wait_for_url(f"{own_workbench.address}/**")
            if may:
                page.goto(f"{own_workbench.address}/hub/spawn")
                expect(page.locator("#profile-large")).to_be_enabled()
                assert "noor@example.nl" in text_of(page.content())
            else:
                expect(page.locator("main")).to_contain_text("health-ri")
                screenshot(page, "institution-refused")
            context.close()
