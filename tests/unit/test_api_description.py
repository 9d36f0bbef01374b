"""What openapi.json says of the lease routes: each error they can give, in the one shape that errors have."""

from typing import Any

import pytest
from fastapi import FastAPI

from hub.accounting import routes as use_routes
from hub.admin import operations_routes
from hub.leases import admin_routes, routes
from hub.leases.sentences import REFUSALS
from hub.service import me_routes
from hub.web.problems import RETRY_SECONDS, Problem, answers

ERROR = {"$ref": "#/components/schemas/ErrorAnswer"}


def description() -> dict[str, Any]:
    app = FastAPI()
    app.include_router(routes.api)
    app.include_router(admin_routes.api)
    app.include_router(me_routes.api)
    app.include_router(use_routes.api)
    app.include_router(operations_routes.api)
    return app.openapi()


def operations() -> dict[str, dict[str, Any]]:
    """The answers of each route by status."""
    paths = description()["paths"]
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": told["responses"]
        for path, methods in paths.items()
        for method, told in methods.items()
    }


def test_every_error_of_every_lease_route_has_the_one_shape() -> None:
    for name, responses in operations().items():
        for status, response in responses.items():
            if int(status) >= 400:
                assert response["content"]["application/json"]["schema"] == ERROR, f"{name}: {status}"
                assert response["description"].endswith("."), f"{name}: {status}"


def test_the_shape_is_described_once_and_is_the_one_that_is_sent() -> None:
    schemas = description()["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert schemas["ErrorAnswer"]["required"] == ["error"]
    assert schemas["ErrorAnswer"]["additionalProperties"] is False
    sent = Problem(404, "no-such-lease", "You have no such lease.").body()
    assert set(schemas["ErrorBody"]["properties"]) == set(schemas["ErrorBody"]["required"]) == set(sent)


@pytest.mark.parametrize(
    ("route", "errors"),
    [
        ("GET /gpus", "401 503"),
        ("GET /leases", "401 503"),
        ("POST /leases", "400 401 403 409 413 422 429 503"),
        ("GET /leases/{lease}", "401 404 422 503"),
        ("GET /leases/{lease}/events", "401 404 422 503"),
        ("POST /leases/{lease}/bound", "400 401 404 409 410 413 422 503"),
        ("POST /leases/{lease}/arrived", "400 401 404 409 410 413 422 503"),
        ("POST /leases/{lease}/heartbeat", "400 401 404 409 410 413 422 503"),
        ("POST /leases/{lease}/report", "400 401 404 409 410 413 422 503"),
        ("POST /leases/{lease}/keep", "401 404 409 410 422 503"),
        ("POST /leases/{lease}/release", "400 401 404 410 413 422 503"),
        ("GET /me", "401 503"),
        ("GET /me/events", "401 503"),
        ("GET /use", "401 403 404 422 503"),
        ("GET /admin/use", "401 403 422 503"),
        ("GET /admin/leases", "401 403 503"),
        ("GET /admin/leases/{lease}", "401 403 404 422 503"),
        ("POST /admin/leases/{lease}/release", "401 403 404 410 422 503"),
        ("GET /admin/devices", "401 403 503"),
        ("POST /admin/devices/{uuid}/drain", "400 401 403 404 413 422 503"),
        ("GET /admin/operations", "401 403 422 503"),
    ],
)
def test_each_route_names_the_errors_it_can_give(route: str, errors: str) -> None:
    told = operations()[route]
    assert sorted(status for status in told if int(status) >= 400) == errors.split()


def test_the_table_above_names_every_route() -> None:
    assert len(operations()) == 21


@pytest.mark.parametrize("route", ["GET /leases/{lease}/events", "GET /me/events"])
def test_a_stream_is_described_as_one(route: str) -> None:
    assert set(operations()[route]["200"]["content"]) == {"text/event-stream"}


def test_all_that_is_told_of_me_is_always_there() -> None:
    schemas = description()["components"]["schemas"]
    for name in ("Me", "UseView", "ReservationView", "ProgrammeUse", "FootprintView", "FactorView", "Co2eView"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"])


def test_every_status_that_a_refusal_has_can_be_described() -> None:
    assert answers(*(status for status, _message, _hint in REFUSALS.values()))


@pytest.mark.parametrize("status", RETRY_SECONDS)
def test_what_passes_by_itself_says_when_to_ask_again(status: int) -> None:
    assert answers(status)[status]["headers"]["Retry-After"]["schema"] == {"type": "integer"}
    assert int(Problem(status, "code", "Sentence.").as_json().headers["retry-after"]) == RETRY_SECONDS[status]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 422])
def test_what_does_not_pass_by_itself_names_no_time(status: int) -> None:
    assert "retry-after" not in Problem(status, "code", "Sentence.").as_json().headers
