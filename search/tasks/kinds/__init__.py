"""The kinds of task: the list of all that there are. Their losses are in ``search.training.losses``."""

from search.tasks.kinds.kind import Kind, Metric
from search.tasks.kinds.single_label import SingleLabel

SINGLE_LABEL = SingleLabel()

KINDS: dict[str, Kind] = {kind.name: kind for kind in (SINGLE_LABEL,)}

__all__ = ["KINDS", "SINGLE_LABEL", "Kind", "Metric", "SingleLabel"]
