from __future__ import annotations

import subprocess
import sys

import pytest

from search.models.backbones import load_backbone
from search.models.catalogue import BUNDLED

LISTING = """
import sys
sys.argv = ["bertailor", "list", "backbones"]
from search.cli.app import main
try:
    main()
finally:
    print("torch loaded:", "torch" in sys.modules)
"""


def test_backbones_are_listed_without_torch() -> None:
    told = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True)
    assert all(name in told.stdout for name in BUNDLED)
    assert told.stdout.splitlines()[-1] == "torch loaded: False"


@pytest.mark.parametrize("name", BUNDLED)
def test_what_is_listed_can_be_loaded(name: str) -> None:
    assert load_backbone(name).name == name
