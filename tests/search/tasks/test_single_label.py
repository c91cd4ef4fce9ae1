from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from search.tasks.kinds import KINDS, SINGLE_LABEL
from search.training.losses import LOSSES

ROOT = Path(__file__).resolve().parents[3]
# What only a kind and its losses know: how logits become an answer, and what is learnt from.
KNOWLEDGE = re.compile(r"argmax|softmax|cross_entropy")
KNOWING = ("search/tasks/kinds/", "search/training/losses.py")

LOGITS = st.lists(st.floats(-50, 50), min_size=2, max_size=6)


@given(LOGITS)
def test_the_likeliest_label_is_answered_with_its_probability(logits: list[float]) -> None:
    row = np.array(logits, dtype=np.float32)
    answered = SINGLE_LABEL.answer(row, [str(index) for index in range(len(row))])
    assert answered["label"] == str(row.argmax())
    assert answered["probability"] == pytest.approx(softmax(row).max(), rel=1e-4)
    assert SINGLE_LABEL.predict(row[None]).tolist() == [row.argmax()]


@given(LOGITS, st.floats(-50, 50))
def test_the_distance_is_the_largest_difference_in_probability(logits: list[float], shift: float) -> None:
    one = np.array([logits, logits[::-1]])
    other = np.array([logits[::-1], [logit + shift for logit in logits[::-1]]])
    expected = np.abs(softmax(one, axis=1) - softmax(other, axis=1)).max(axis=1)
    np.testing.assert_allclose(SINGLE_LABEL.distance(one, other), expected, atol=1e-9)


def test_macro_f1_counts_a_rare_label_as_much_as_another() -> None:
    labels, predicted = [0] * 9 + [1], [0] * 10
    assert SINGLE_LABEL.metrics["accuracy"](labels, predicted) == 0.9
    assert SINGLE_LABEL.metrics["macro-f1"](labels, predicted) == pytest.approx(0.5 * 2 * 0.9 / 1.9)


def test_every_kind_has_its_losses_and_no_losses_are_without_a_kind() -> None:
    assert LOSSES.keys() == KINDS.keys()


def test_nothing_else_knows_how_an_answer_is_made_of_logits() -> None:
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for package in ("spaces", "results", "trackers", "search")
        for path in (ROOT / package).rglob("*.py")
    }
    knowing = {name for name, text in sources.items() if KNOWLEDGE.search(text)}
    assert knowing >= {"search/tasks/kinds/single_label.py", "search/training/losses.py"}
    assert [name for name in knowing if not name.startswith(KNOWING)] == []


def test_kinds_are_known_without_torch() -> None:
    script = "import sys, search.tasks.kinds; print({'torch', 'sklearn', 'scipy'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "set()"
