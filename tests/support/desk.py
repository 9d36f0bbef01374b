"""A desk without a service, whose time and devices a test moves by hand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hub.leases.desk import Desk
from hub.leases.events import Bound, Event, Heard, Reported, Requested
from hub.leases.machine import decide
from hub.leases.model import Lease
from hub.leases.page_view import GpuPage, gpu_page
from hub.pages import render
from hub.pages.face import Face
from hub.settings import Settings, load
from hub.settings.model import GpuClass, Words
from hub.web.hub_api import Person
from tests.support.leases import lease
from tests.support.workbench import ROOT

START = 1_795_478_400.0  # a Tuesday


@dataclass
class World:
    """A desk whose time and devices a test moves by hand."""

    desk: Desk
    now: float = START

    def tell(self, event: Event, after: float = 0.0) -> None:
        """Decide about an event `after` seconds."""
        self.now += after
        broker = self.desk.broker
        broker.state, actions = decide(broker.state, event, self.now)
        broker.store.save(actions)
        for observer in broker.observers:
            observer(broker.state, actions)

    def lease(self, id: str) -> Lease:
        return self.desk.broker.state.leases[id]

    def ask(self, id: str, user: str, **more: object) -> None:
        self.tell(Requested(lease(id, user, requested=self.now, **more)))

    def take(self, id: str, *, busy: bool = False) -> None:
        """The kernel takes what it was offered, and perhaps runs a cell."""
        self.tell(Bound(id, self.lease(id).epoch, 2, "1"))
        self.hear(id, busy=busy)

    def hear(self, id: str, *, busy: bool = False, wants: bool = False, after: float = 0.0) -> None:
        self.tell(Heard(id, self.lease(id).epoch, busy, wants, watched=True), after)

    def report(self, id: str, act: Any) -> None:
        self.tell(Reported(id, self.lease(id).epoch, act, "done", "", 100, 0.1))

    def page(self, user: str = "ada", language: str = "en", groups: tuple[str, ...] = ()) -> GpuPage:
        recent = asyncio.run(self.desk.recent.of_user(user, self.now))
        return gpu_page(self.desk, person(user, groups), language, recent)

    def html(self, user: str = "ada", language: str = "en", template: str = "my_gpus_live.html", **more: Any) -> str:
        """The page's main part; `more` names the person's `groups`, whether they are `admin`, a `refusal`."""
        reader = replace(person(user, more.pop("groups", ())), admin=more.pop("admin", False))
        given = {
            "person": reader,
            "gpus": self.page(user, language, reader.groups),
            "keep_for": self.desk.settings.leases.keep_for,
            "csrf": "csrf-of-this-session",
            "prefix": "/services/werkbank/",
            "site": self.desk.settings.site,
            "path": "/services/werkbank/gpus",
            "face": Face("/", user),
            "refusal": "",
            "done": "",
        }
        return render(template, language, **given | more)


def person(user: str, groups: tuple[str, ...] = ()) -> Person:
    return Person(user, groups, False, "secret-token", ())


def settings_with_class() -> Settings:
    """The default settings, with a class of real devices that its medium profile has."""
    settings = load(ROOT / "werkbank.yaml")
    big = GpuClass(title=Words(en="Big", nl="Grote"), memory="16GiB", model="Moody")
    profiles = tuple(
        profile.model_copy(update={"gpu_classes": ("big",)}) if profile.name == "medium" else profile
        for profile in settings.profiles
    )
    return settings.model_copy(update={"gpu_classes": {"big": big}, "profiles": profiles})


MakeWorld = Callable[..., World]
