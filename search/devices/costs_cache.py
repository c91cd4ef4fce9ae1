"""A cache of costs: what has been measured of an architecture on a device isn't measured again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from results.costs import Costs
from search.devices.probe_program import probe_digest
from search.files import digest, write_whole
from search.runtime.machine import machine

_COSTS = TypeAdapter(Costs)


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
        key = {**what, "machine": machine(), "probe": probe_digest(), **versions}
        path = self._folder / f"{digest(key)}.json"
        if path.is_file():
            return _COSTS.validate_json(path.read_bytes())
        costs = measure()
        if costs.steady:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(asdict(costs)))
        return costs
