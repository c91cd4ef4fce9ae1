"""A cache of costs: what has been measured of an architecture on a device isn't measured again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from results.costs import Costs
from search.files import digest, sha256_of, write_whole
from search.runtime import probe


class CostsCache:
    """Costs by what decides them, a file for each.

    Args:
        folder: Where the files lie; created when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def costs(self, what: Mapping[str, Any], measure: Callable[[], Costs]) -> Costs:
        """The costs of what was measured before, or what ``measure`` finds now.

        A noisy measurement is not kept: another one may be better.

        Args:
            what: All that decides the costs, but for the processor, the probe and the versions of the libraries.
            measure: Measures it.
        """
        versions = {name: version(name) for name in ("bertailor", "onnxruntime")}
        key = {**what, "machine": probe.machine(), "probe": sha256_of(Path(probe.__file__)), **versions}
        path = self._folder / f"{digest(key)}.json"
        if path.is_file():
            return Costs(**json.loads(path.read_text(encoding="utf-8")))
        costs = measure()
        if costs.steady:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(asdict(costs)))
        return costs
