"""A kind: what a task asks of a text, and all that follows from it but the losses that train for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from spaces import nearest

# It takes the true labels and the predictions of some texts, and gives a score from 0 to 1, higher is better.
Metric: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], float]


class Kind(ABC):
    """A kind of task. Labels and predictions are sequences with one entry a text, which only the kind looks into.

    Attributes:
        name: What it is registered as.
        gives: What a text is given of the task's labels, in words.
        metrics: What a task of this kind can be scored by.
        answer: What a text is answered, as JSON, from its logits and the names of the labels. A function of a module
            that needs ``np`` alone, and is called ``answer``: a bundle's program has its source.
    """

    name: ClassVar[str]
    gives: ClassVar[str]
    metrics: ClassVar[Mapping[str, Metric]]
    answer: Callable[[np.ndarray, Sequence[str]], dict[str, Any]]

    @abstractmethod
    def strata(self, labels: Sequence[Any]) -> np.ndarray:
        """The (texts,) stratum of each text; every split gets its share of each stratum."""

    @abstractmethod
    def predict(self, logits: np.ndarray) -> np.ndarray:
        """The predictions from (texts, labels) logits, as the metrics take them."""

    @abstractmethod
    def distance(self, logits: np.ndarray, others: np.ndarray) -> np.ndarray:
        """How far two models' (texts, labels) logits have them answer apart, from 0 to 1 for each text."""

    def checked(self, metric: str) -> str:
        """The name of a metric, if there is such a one.

        Raises:
            ValueError: There isn't.
        """
        if metric not in self.metrics:
            near = nearest(metric, self.metrics)
            raise ValueError(f"a {self.name} task has no metric '{metric}'{near}; take {' or '.join(self.metrics)}")
        return metric
