"""What all plots have in common: colours, and what figures are called."""

from __future__ import annotations

from results.choosing import Outcome

# The colour-blind can tell Okabe and Ito's palette apart.
BLUE, ORANGE, GREY, GREEN, BLACK = "#0072B2", "#D55E00", "#999999", "#009E73", "#000000"
PALE = "#E4E4E4"

# The outcome decides colour and symbol of a point.
STYLES: dict[Outcome, tuple[str, str]] = {
    "dominated": (GREY, "circle"),
    "over-budget": (ORANGE, "x"),
    "front": (BLUE, "circle"),
}
TITLES = {
    "score": "score (validation)",
    "latency_ms": "latency, p50 (ms)",
    "memory_mb": "peak memory (MB)",
    "size_mb": "size on disk (MB)",
    "energy_mj": "energy of an inference (mJ)",
}
# A logarithmic axis has ticks here.
TICKS = tuple(digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5))
LAYOUT = {"template": "plotly_white", "margin": {"t": 90, "r": 20}}
