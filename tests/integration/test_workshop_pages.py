"""The trainers' pages on a running workbench: plan, ask whether it fits, publish; and who may not."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.classroom import Trainer, field, fields_of
from tests.support.workbench import Visitor, Workbench, text_of

PAGES = "/services/werkbank/workshops"
NEXT_YEAR = datetime.now() + timedelta(days=365)


@pytest.fixture
def trainer(facility: Workbench) -> Iterator[Trainer]:
    """The demo's trainer; what a test leaves behind is removed."""
    trainer = Trainer(facility.browser("trainer"))
    yield trainer
    for id in set(re.findall(rf'href="{PAGES}/([a-z0-9-]+)"', trainer.page())) - {"new"}:
        trainer.act(id, "close")
        trainer.act(id, "remove")


def test_a_workshop_is_planned_published_and_withdrawn_on_pages(trainer: Trainer) -> None:
    planned = trainer.plan(title="GPU's for <b>all</b>", profile="medium", gpu_class="simulated", devices="1")
    assert planned.url.path == f"{PAGES}/gpu-s-for-b-all-b"
    assert "<b>all" not in planned.text
    assert "It fits" in text_of(planned.text)
    published = trainer.act("gpu-s-for-b-all-b", "publish")
    assert "1 × simulated are reserved in its hours." in text_of(published.text)
    assert re.search(r"\b[A-Z2-9]{4}-[A-Z2-9]{4}\b", text_of(published.text))
    withdrawn = trainer.act("gpu-s-for-b-all-b", "withdraw")
    assert "Publish it when its date stands" in text_of(withdrawn.text)


def test_what_is_wrong_stands_at_its_field_and_nothing_that_was_typed_is_lost(trainer: Trainer) -> None:
    reply = trainer.plan(seats="many", place="Room <7>", lessons="S1, Z9")
    assert reply.status_code == 422
    assert '<p class="mistake" id="seats-wrong">“many” is not a whole number.</p>' in reply.text
    assert 'value="Room &lt;7&gt;"' in reply.text
    reply = trainer.plan(lessons="S1, Z9")
    assert "There is no lesson Z9." in text_of(reply.text)
    assert re.findall(rf'href="{PAGES}/([a-z0-9-]+)"', trainer.page()) == ["new", "new"]


def test_the_answer_comes_while_somebody_types(trainer: Trainer) -> None:
    part = trainer.post("/fits", fields_of(title="", seats="5000"), "/new")
    assert "<html" not in part.text
    assert "It does not fit" in text_of(part.text)
    assert "data-fill" in part.text
    assert "It fits" in text_of(trainer.post("/fits", fields_of(title=""), "/new").text)
    assert "Cannot be said yet" in text_of(trainer.post("/fits", fields_of(seats="x"), "/new").text)


def test_what_does_not_fit_is_not_published_and_says_what_would(trainer: Trainer) -> None:
    trainer.plan(profile="medium", gpu_class="simulated", devices="7")
    page = trainer.page("/pages")
    assert "It does not fit yet" in text_of(page)
    assert f'href="{PAGES}/pages/edit?devices=2"' in page
    refused = trainer.act("pages", "publish")
    assert refused.status_code == 409
    assert "Pages does not fit" in text_of(refused.text)
    assert 'value="2"' in trainer.page("/pages/edit", devices="2")


def test_two_who_edit_at_once_notice_and_the_later_one_keeps_what_was_typed(trainer: Trainer) -> None:
    trainer.plan()
    version = field(trainer.page("/pages/edit"), "version")
    assert trainer.post("/pages/edit", fields_of(place="A", version=version), "/pages/edit").status_code == 200
    late = trainer.post("/pages/edit", fields_of(place="B", version=version), "/pages/edit")
    assert late.status_code == 422
    assert "Somebody else changed the workshop meanwhile" in text_of(late.text)
    assert 'value="B"' in late.text


def test_a_workshop_is_exported_read_again_and_copied_for_the_next_time(trainer: Trainer) -> None:
    trainer.plan(place="Zaal 3")
    text = trainer.page("/pages/yaml")
    again = trainer.post("/import", {"text": text.replace("id: pages", "id: again")})
    assert again.url.path == f"{PAGES}/again"
    assert trainer.page("/again/yaml").replace("id: again", "id: pages") == text
    form = trainer.page("/new", **{"from": "pages"})
    assert f'value="{NEXT_YEAR + timedelta(days=7):%Y-%m-%d}T09:00"' in form


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "This is no YAML"),
        ("- a", "This is no workshop."),
        ("id: x\nseats: many", "title: Field required."),
        ("a: &a [x]\nb: [*a, *a]", "id: Field required"),
        ("!!python/object/apply:os.system ['true']", "This is no YAML"),
    ],
)
def test_what_is_no_workshop_is_not_read(trainer: Trainer, text: str, sentence: str) -> None:
    reply = trainer.post("/import", {"text": text})
    assert reply.status_code == 422
    assert sentence in text_of(reply.text)


def test_a_class_list_is_taken_over_whole_and_given_back_with_links(facility: Workbench, trainer: Trainer) -> None:
    trainer.plan(seats="9")
    page = trainer.page("/pages")
    fields = {"csrf": field(page, "csrf"), "version": field(page, "version")}

    def send(content: str) -> httpx.Response:
        return trainer.http.post(f"{PAGES}/pages/roster", data=fields, files={"file": ("a.csv", content.encode())})

    wrong = send("name;email\nAnn <b>;ann@example.nl\n=1;bob@example.nl\nBob;nobody\n")
    assert wrong.status_code == 422
    assert "Line 3: “=1” begins like a formula." in text_of(wrong.text)
    assert "Line 4: “nobody” is no e-mail address." in text_of(wrong.text)
    assert "ann@example.nl" not in trainer.page("/pages")
    taken = send("name;email\nAnn <b>;ann@example.nl\n")
    assert taken.status_code == 200
    assert "Class list: 1 person" in text_of(taken.text)
    assert "Ann <b>" not in taken.text
    assert "Somebody else changed the workshop meanwhile" in text_of(send("name;email\nBob;bob@example.nl\n").text)
    trainer.act("pages", "publish")
    link = trainer.page("/pages/roster.csv").splitlines()[1].split(",")[-1]
    assert "This link is for Ann <b>." in text_of(facility.browser().http.get(link).text)


ROUTES = [
    ("GET", ""),
    ("GET", "/new"),
    ("GET", "/theirs"),
    ("GET", "/theirs/edit"),
    ("GET", "/theirs/yaml"),
    ("GET", "/theirs/roster.csv"),
    ("GET", "/theirs/room"),
    ("GET", "/theirs/notebooks/1"),
    ("GET", "/theirs/notebooks/1/content"),
    ("GET", "/theirs/notebooks/1/state"),
    ("POST", "/new"),
    ("POST", "/fits"),
    ("POST", "/import"),
    ("POST", "/theirs/edit"),
    ("POST", "/theirs/act"),
    ("POST", "/theirs/roster"),
]


@pytest.fixture(scope="module")
def theirs(facility: Workbench) -> Iterator[str]:
    """A workshop that the demo's trainer does not give."""
    admin = Trainer(facility.browser("admin"))
    admin.plan(title="Theirs", trainers="somebody")
    yield "theirs"
    admin.act("theirs", "remove")


def ask(visitor: Visitor, method: str, path: str, csrf: str) -> httpx.Response:
    form = {"csrf": csrf, "action": "publish", "text": "x", "version": "1", **fields_of(title="Theirs")}
    files = {"file": ("a.csv", b"name,email\nA,a@example.nl\n")} if path.endswith("/roster") and csrf else None
    more: dict[str, Any] = {} if method == "GET" else {"data": form, "files": files}
    return visitor.http.request(method, PAGES + path, **more)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_strangers_learners_and_trainers_of_other_workshops_get_nowhere(
    facility: Workbench, theirs: str, method: str, path: str
) -> None:
    stranger = ask(facility.browser(), method, path, "")
    assert stranger.url.path == "/hub/login", text_of(stranger.text)
    learner = facility.browser("scientist")
    # The token of a form that they may see: what refuses them is what they are.
    csrf = field(learner.http.get("/services/werkbank/").text + 'name="csrf" value=""', "csrf")
    reply = ask(learner, method, path, csrf)
    assert reply.status_code == 403
    other = Trainer(facility.browser("trainer"))
    if theirs in path:
        reply = other.http.get(PAGES + path) if method == "GET" else None
        posted = other.post(path, {"action": "publish", "version": "1", **fields_of()}, "/new", files={"file": b"x"})
        assert (reply or posted).status_code == 404


def test_a_form_that_comes_from_elsewhere_changes_nothing(trainer: Trainer) -> None:
    trainer.page("/new")
    reply = trainer.http.post(f"{PAGES}/new", data=fields_of())
    assert reply.status_code == 403
    assert "This form is too old or came from elsewhere." in text_of(reply.text)
