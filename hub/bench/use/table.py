"""The report as a table for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

from hub.bench.use.run import TARGET_S


def table(report: Mapping[str, Any]) -> Group:
    """What was measured, beside what it should be, and what misses that."""
    plan, found = report["plan"], report["databases"]
    shown = Table(title=f"Pages about {plan['leases']} leases of {plan['users']} users, seconds")
    shown.add_column("", no_wrap=True)
    for database in found:
        for column in (database, "largest"):
            shown.add_column(column, justify="right")
    for page in next(iter(found.values()))["pages_s"]:
        shown.add_row(page, *(cell for one in found.values() for cell in _cells(one["pages_s"][page])))
    shown.add_section()
    shown.add_row("the leases scanned instead", *_pairs(found, "direct_scan_s"))
    shown.add_row("times the page", *_pairs(found, "scan_over_page"))
    shown.add_row("a round of counting, nothing new", *_pairs(found, "round_with_nothing_new_s"))
    counted = next(iter(found.values()))["fill"]["leases"]
    shown.add_row(
        f"counting the last {counted} leases",
        *(c for one in found.values() for c in (f"{one['fill']['seconds']:.3g}", "")),
    )
    load = ", ".join(f"{one:.2f}" for one in report["machine"]["load_average"])
    took = f"{report['took_s']:.0f} s in all, {report['filled_s']:.0f} s of them to write leases and ledger."
    shown.caption = f"Target: below {TARGET_S:g} s. {report['machine']['cores']} cores, load before: {load}. {took}"
    missed = "\n".join(f"  {sentence}" for sentence in report["missed"])
    verdict = f"Missed:\n{missed}" if missed else "Every target is met."
    return Group(shown, verdict + (f"\nLeft out: {report['left_out']}." if "left_out" in report else ""))


def _cells(took: Mapping[str, float]) -> tuple[str, str]:
    return f"{took['median']:.3g}", f"{took['largest']:.3g}"


def _pairs(found: Mapping[str, Any], name: str) -> list[str]:
    return [cell for one in found.values() for cell in (f"{one[name]:.3g}", "")]
