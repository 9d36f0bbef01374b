"""What a Dask cluster may choose whose scheduler and workers are jobs."""

from pathlib import Path
from typing import Any

import pytest

from hub.gateway.options import JobBounds, cluster_options
from hub.running.slurm_demo import SETTINGS
from hub.settings import load

TWO = JobBounds(hours=12.0, programmes=("ained", "health-ri"))


def chosen(bounds: JobBounds | None, **sent: Any) -> dict[str, Any]:
    options = cluster_options(load(SETTINGS).profile("small"), Path("/opt"), jobs=bounds)
    told = options.get_configuration(options.parse_options(sent), None)
    return {name: told[name] for name in ("hours", "programme", "reservation")}


def test_left_out_a_job_may_run_as_long_as_the_profile_lets_it_for_the_first_programme() -> None:
    assert chosen(TWO) == {"hours": 12.0, "programme": "ained", "reservation": True}
    assert chosen(JobBounds(hours=12.0)) == {"hours": 12.0, "programme": "", "reservation": True}


def test_a_shorter_time_another_programme_and_other_nodes_can_be_chosen() -> None:
    sent = {"hours": 0.5, "programme": "health-ri", "reservation": False}
    assert chosen(TWO, **sent) == sent


@pytest.mark.parametrize(
    "sent",
    [
        {"hours": 12.5},
        {"hours": 0.1},
        {"hours": "1\n#SBATCH --nodelist=n1"},
        {"programme": "nuclear"},
        {"programme": "health-ri --qos=high"},
        {"reservation": "maintenance"},
    ],
)
def test_nothing_beyond_the_bounds_can_be_sent(sent: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=next(iter(sent))):
        chosen(TWO, **sent)


def test_who_has_one_programme_or_none_and_whose_site_is_one_machine_is_not_asked() -> None:
    with pytest.raises(ValueError, match="programme"):
        chosen(JobBounds(hours=12.0, programmes=("ained",)), programme="ained")
    with pytest.raises(ValueError, match="hours"):
        chosen(None, hours=1.0)
    assert chosen(None) == {"hours": 0.0, "programme": "", "reservation": True}
