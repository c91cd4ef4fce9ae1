from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASKED = "import search.cli.app, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"


@pytest.mark.parametrize(("set_by_the_user", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_do_not_spin_unless_the_user_wants_them_to(
    set_by_the_user: dict[str, str], policy: str
) -> None:
    surroundings = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    told = subprocess.run(
        [sys.executable, "-c", ASKED],
        env={**surroundings, **set_by_the_user},
        capture_output=True,
        text=True,
        check=True,
    )
    # It counts only where it is set before torch is loaded.
    assert told.stdout.split() == [policy, "False"]
