"""JupyterLab as a person sees it: notebooks, their kernels, and Werkbank's parts of it."""

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.workbench import Visitor, Workbench

SPEC = {"name": "python3-simulated", "display_name": "Python 3 · Simulated GPU", "language": "python"}


def cell(source: str) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def notebook_of(visitor: Visitor, name: str, *sources: str, spec: dict[str, str] = SPEC) -> str:
    """Put a notebook with a GPU kernel into the visitor's seat; its address in JupyterLab."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": spec},
        "cells": [cell(source) | {"id": f"cell-{number}"} for number, source in enumerate(sources)],
    }
    seat = f"/user/{visitor.user}"
    headers = {"Authorization": f"token {visitor.token()}"}
    body = {"type": "notebook", "format": "json", "content": content}
    visitor.http.put(f"{seat}/api/contents/{name}", json=body, headers=headers).raise_for_status()
    return f"{visitor.workbench.address}{seat}/lab/tree/{name}"


def open_lab(browser: Browser, workbench: Workbench, user: str, language: str, *sources: str) -> Page:
    """A person's JupyterLab: a notebook whose kernel leases a GPU, or the launcher where there are no cells."""
    visitor = workbench.browser(user, language)
    if not visitor.hub_user()["servers"]:
        visitor.start_seat("medium")
    seat = f"{workbench.address}/user/{user}/lab"
    address = notebook_of(visitor, f"{user}.ipynb", *sources) if sources else seat
    page = browser.new_context(viewport={"width": 1280, "height": 720}, locale=f"{language}-NL").new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{workbench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")
    # What was open last time would ask for the kernel that it had.
    page.goto(f"{address}?reset")
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    return page


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(number).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")


def output(page: Page, number: int) -> Locator:
    return page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(number).locator(".jp-Cell-outputArea")


def interrupt(page: Page) -> None:
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Interrupt Kernel").click()


def status(page: Page) -> Locator:
    return page.locator(".wb-Status-button")


def panel(page: Page, name: str) -> Locator:
    """The side panel, opened as a person opens it: by the button in the status bar."""
    region = page.get_by_role("region", name=name, exact=True)
    if not region.is_visible():
        status(page).click()
    expect(region).to_be_visible()
    return region


def banner(page: Page) -> Locator:
    return page.locator(".wb-Banner-body")
