"""Caps over all of a user's clusters: plain rules."""

import pytest

from hub.gateway.caps import ClusterUse, refusal_to_scale, refusal_to_start, workers_allowed
from hub.gateway.seats import seat_of_token
from hub.settings import Profile

WORDS = {"en": "Medium", "nl": "Middel"}


def profile(workers: int = 4, clusters: int = 2) -> Profile:
    return Profile.model_validate(
        {
            "name": "medium",
            "title": WORDS,
            "description": WORDS,
            "cpu": 1,
            "memory": "1GiB",
            "dask": {"workers": workers, "clusters": clusters},
        }
    )


@pytest.mark.parametrize(
    ("elsewhere", "wanted", "allowed"), [([], 3, 3), ([], 9, 4), ([3], 3, 1), ([4], 1, 0), ([5], 1, 0), ([1, 1], 4, 2)]
)
def test_a_cluster_gets_what_the_users_other_clusters_leave(elsewhere: list[int], wanted: int, allowed: int) -> None:
    clusters = [ClusterUse(f"other-{number}", workers) for number, workers in enumerate(elsewhere)]
    clusters.append(ClusterUse("mine", 2))
    assert workers_allowed(profile(), clusters, "mine", wanted) == allowed


def test_what_a_cluster_has_itself_does_not_count_against_it() -> None:
    assert workers_allowed(profile(), [ClusterUse("mine", 4)], "mine", 4) == 4


def test_one_cluster_too_many_is_refused_in_the_seats_language() -> None:
    clusters = [ClusterUse("a" * 32, 1), ClusterUse("b" * 32, 1)]
    assert refusal_to_start(profile(), clusters[:1]) is None
    assert "You have 2 of 2 clusters that the profile Medium allows (aaaaaaaa, bbbbbbbb)" in str(
        refusal_to_start(profile(), clusters)
    )
    assert "Je hebt 2 van de 2 clusters die bij het profiel Middel horen" in str(
        refusal_to_start(profile(), clusters, "nl")
    )


def test_a_profile_without_workers_has_no_clusters() -> None:
    assert "comes without Dask clusters" in str(refusal_to_start(profile(workers=0), []))


def test_a_refusal_stays_on_one_line_because_it_travels_in_an_http_status_line() -> None:
    refusals = [refusal_to_start(profile(), [ClusterUse("a", 1)] * 2), refusal_to_scale(1, 3, 3, "nl")]
    assert not any("\n" in str(refusal) for refusal in refusals)


@pytest.mark.parametrize(
    ("scopes", "seat"),
    [
        (["access:servers!server=ada/", "read:users!user=ada"], "ada/"),
        (["access:servers!server=ada/second"], "ada/second"),
        (["access:servers!user=ada"], None),
        (["access:servers!server=ada/", "access:servers!server=ada/second"], None),
        ([], None),
    ],
)
def test_a_token_names_its_seat_by_the_one_server_it_may_enter(scopes: list[str], seat: str | None) -> None:
    assert seat_of_token(scopes) == seat
