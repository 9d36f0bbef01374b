"""Waits against number of GPUs, as a picture."""

from pathlib import Path
from typing import Any

from hub.errors import WerkbankError
from hub.simulate.report import CULLED, IN_PLACE, LEASES, PER_SERVER, Study, quantile

# Okabe and Ito's colours can be told apart by everybody; line and mark differ too.
STYLES = {
    PER_SERVER: {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    CULLED: {"color": "#E69F00", "marker": "^", "linestyle": ":"},
    IN_PLACE: {"color": "#56B4E9", "marker": "v", "linestyle": "-."},
    LEASES: {"color": "#0072B2", "marker": "o", "linestyle": "-"},
}
LABELS = {
    PER_SERVER: "a GPU per server",
    CULLED: "culled after 30 idle minutes",
    IN_PLACE: "leases, back on their own GPU",
    LEASES: "leases, back on any GPU",
}
POINTS = 16
"""Numbers of GPUs that are drawn, at most."""
TICKS = {0: "0", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 21600: "6 h", 86400: "1 day", 604800: "1 week"}
STRAIGHT_UP_TO = 10.0
"""Seconds; above, the axis is logarithmic."""


class CannotPlot(WerkbankError):
    """The picture cannot be drawn; nothing was simulated."""


def require_plotting(file: Path) -> None:
    """Raises CannotPlot, before the work is done, when the picture could not be made."""
    if file.suffix.lower() != ".png":
        raise CannotPlot(f"--plot: {file} does not end in .png. {CannotPlot.__doc__}")
    if not file.absolute().parent.is_dir() or file.is_dir():
        raise CannotPlot(f"--plot: {file} is not a file in an existing folder. {CannotPlot.__doc__}")
    try:
        import matplotlib  # noqa: F401 - only pictures need it
    except ImportError:
        raise CannotPlot(
            f"--plot: matplotlib is not installed here; leave --plot out or install it. {CannotPlot.__doc__}"
        ) from None


def draw(study: Study, result: dict[str, Any], file: Path) -> None:
    """Draw the longest wait and the one that 99 % of cells stay under, for each policy. Writes a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    counts = _counts(study)
    drawn = {"p99: 99 % of cells wait at most so long": 0.99, "longest wait of any cell": 1.0}
    for axes, (title, part) in zip(figure.subplots(1, 2, sharey=True), drawn.items(), strict=True):
        for policy, style in STYLES.items():
            waits = [quantile(study.outcome(policy, gpus).waits, part) for gpus in counts]
            axes.plot(counts, waits, label=LABELS[policy], markersize=5, linewidth=1.8, clip_on=False, **style)
        _dress(axes, title, study.most_wait)
    figure.axes[0].set_ylabel("wait of a cell")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    trace = result["trace"]
    counted = f"{trace['sessions']} sessions, {trace['gpu_cells']} GPU cells"
    figure.suptitle(f"Simulated waits for a GPU: {counted}\n({trace['source']})", fontsize=11, parse_math=False)
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise CannotPlot(f"--plot: {file} cannot be written ({error.strerror}).") from None


def _counts(study: Study) -> list[int]:
    """Numbers of GPUs from about an eighth of what is enough for all to a little more than that."""
    low, high = max(study.least, study.trace.most_at_once // 8), study.trace.most_at_once
    points = min(POINTS, high - low + 1)
    return sorted({round(low + (high - low) * i / max(1, points - 1)) for i in range(points)})


def _dress(axes: Any, title: str, most_wait: float) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("number of GPUs")
    axes.set_yscale("symlog", linthresh=STRAIGHT_UP_TO)
    top = axes.get_ylim()[1]
    shown = {at: name for at, name in TICKS.items() if at <= top}
    axes.set_yticks(list(shown), list(shown.values()))
    axes.set_yticks([], minor=True)
    axes.set_ylim(bottom=0)
    axes.axhline(most_wait, color="#555555", linewidth=0.8)
    axes.annotate(
        f"{most_wait:g} s", (1, most_wait), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
    )
    axes.grid(visible=True, linewidth=0.4, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
