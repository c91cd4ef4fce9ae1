"""Studies of encoders so small that a super-network takes a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from search.config import StudyConfig
from search.study.setting_up import set_up
from search.study.workbench import Workbench
from tests.conftest import tiny_rows, write_csv

SIZES: dict[str, Any] = {"depth": [1, 2], "layers": "even", "heads": [1, 2], "ffn_size": [16, 32], "hidden_size": 32}


def small_config(folder: Path, sizes: dict[str, Any] | None = None, **settings: Any) -> StudyConfig:
    """A study without a pretrained backbone, of the eighty sentences, with its files in a folder."""
    task, space, device = folder / "commands.csv", folder / "space.yaml", folder / "fast.yaml"
    write_csv(task, tiny_rows())
    raw = {"architecture": SIZES | (sizes or {}), "compression": {"quantisation": ["none", "dynamic-int8"]}}
    space.write_text(yaml.safe_dump(raw), encoding="utf-8")
    device.write_text("name: fast\ntime_limit_s: 0.2\n", encoding="utf-8")
    files = {"task": str(task), "space": str(space), "device": str(device)}
    return StudyConfig.model_validate(
        {"name": "small", "backbone": "scratch", "warm_up_epochs": 1, "polish_epochs": 1, **files, **settings}
    )


def small_bench(folder: Path, store: Path | None = None, **settings: Any) -> Workbench:
    """What the trials of such a study share."""
    return set_up(small_config(folder, **settings), store or folder / "store")
