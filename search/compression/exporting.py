"""The export: an encoder becomes an ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from search.compression.step import Draft, Step
from search.graphs.template import filled_graph


@dataclass(frozen=True)
class Export(Step):
    """Write the encoder down as ONNX.

    Attributes:
        int8: Whether with all weights as int8, which is faster here than to quantise the graph afterwards.
    """

    int8: bool = False

    def apply(self, draft: Draft) -> Draft:
        """The draft with its graph."""
        return replace(draft, graph=filled_graph(draft.model, int8=self.int8))
