"""What is noticed while an expression is evaluated; the words are those that Prometheus' users know."""

from __future__ import annotations

from pacs_monitor.promql.numbers import short_text
from pacs_monitor.promql.run import Run

COUNTERS = ("_total", "_sum", "_count", "_bucket")
_MONOTONICITY = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"


def note_bad_share(run: Run, share: float, position: int) -> None:
    """A quantile that is not between 0 and 1."""
    if not 0 <= share <= 1:
        run.note("warning", f"quantile value should be between 0 and 1, got {short_text(share)}", position)


def note_bad_ratio(run: Run, ratio: float, nearest: float, position: int) -> None:
    """A ratio that is not between -1 and 1."""
    text = f"ratio value should be between -1 and 1, got {short_text(ratio)}, capping to {short_text(nearest)}"
    run.note("warning", text, position)


def note_no_counter(run: Run, name: str, position: int) -> None:
    """A rate of what does not look like a counter."""
    run.note(
        "info", f'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "{name}"', position
    )


def note_bad_bucket(run: Run, bound: str, name: str, position: int) -> None:
    """A bucket without a usable `le`."""
    run.note("warning", f'bucket label "le" is missing or has a malformed value of "{bound}"{_of(name)}', position)


def note_not_monotonic(run: Run, name: str, position: int) -> None:
    """Buckets whose counts fall."""
    text = f"input to histogram_quantile needed to be fixed for monotonicity (see {_MONOTONICITY}){_of(name)}"
    run.note("info", text, position)


def _of(name: str) -> str:
    return f' for metric name "{name}"' if name else ""
