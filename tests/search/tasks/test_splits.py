from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from search.tasks.splits import carve, identity, without_repeats
from search.tasks.task import Split

LABELS = st.lists(st.integers(0, 4), max_size=200)
SHARES = st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.33]), max_size=2)
# Few letters of mixed case and spacing, so that different texts often have one identity.
TEXTS = st.lists(st.text(alphabet="aAbßSs \t\n", max_size=4), max_size=40)


def numbered(labels: list[int]) -> Split:
    return Split(tuple(f"text {index}" for index in range(len(labels))), tuple(labels))


def examples(split: Split) -> list[tuple[str, int]]:
    return list(zip(split.texts, split.labels, strict=True))


@given(LABELS, SHARES, st.integers(0, 100))
def test_the_parts_hold_every_example_exactly_once(labels: list[int], shares: list[float], seed: int) -> None:
    split = numbered(labels)
    parts = carve(split, shares, seed)
    assert len(parts) == 1 + len(shares)
    assert sorted(example for part in parts for example in examples(part)) == sorted(examples(split))


@given(LABELS, SHARES, st.integers(0, 100))
def test_each_label_has_its_share_of_each_part_within_rounding(
    labels: list[int], shares: list[float], seed: int
) -> None:
    _, *carved = carve(numbered(labels), shares, seed)
    for label, n in Counter(labels).items():
        for part, share in zip(carved, shares, strict=True):
            assert abs(part.labels.count(label) - share * n) <= 0.5


@given(LABELS, SHARES, st.integers(0, 100))
def test_the_same_seed_gives_the_same_parts(labels: list[int], shares: list[float], seed: int) -> None:
    assert carve(numbered(labels), shares, seed) == carve(numbered(labels), shares, seed)


def test_another_seed_carves_other_examples() -> None:
    split = numbered([0, 1] * 50)
    assert carve(split, [0.1], seed=1)[1] != carve(split, [0.1], seed=2)[1]


def test_a_label_too_rare_for_its_share_stays_in_the_first_part() -> None:
    rest, held_out = carve(numbered([0] * 40 + [1] * 4), [0.1])
    assert rest.labels.count(1) == 4
    assert 1 not in held_out.labels


def test_a_part_is_in_the_order_of_the_split() -> None:
    split = numbered([0, 1] * 30)
    for part in carve(split, [0.2]):
        positions = [split.texts.index(text) for text in part.texts]
        assert positions == sorted(positions)


@given(TEXTS, TEXTS)
def test_without_repeats_no_two_texts_are_the_same_and_none_was_seen(texts: list[str], seen: list[str]) -> None:
    known = {identity(text) for text in seen}
    kept = without_repeats(Split(tuple(texts), tuple(range(len(texts)))), known)
    identities = [identity(text) for text in kept.texts]
    assert len(set(identities)) == len(identities)
    assert set(identities) == {identity(text) for text in texts} - known


@given(TEXTS)
def test_without_repeats_the_first_of_each_text_stays_with_its_label(texts: list[str]) -> None:
    kept = without_repeats(Split(tuple(texts), tuple(range(len(texts)))))
    identities = [identity(text) for text in texts]
    assert list(kept.labels) == [identities.index(identity(text)) for text in kept.texts]


@given(st.lists(st.tuples(st.text(alphabet="aAbB ", max_size=5), st.integers(0, 2)), max_size=120))
def test_parts_of_a_split_without_repeats_share_no_text(rows: list[tuple[str, int]]) -> None:
    split = without_repeats(Split(tuple(text for text, _ in rows), tuple(label for _, label in rows)))
    rest, validation, test = ({identity(text) for text in part.texts} for part in carve(split, [0.2, 0.2]))
    assert not rest & validation
    assert not rest & test
    assert not validation & test


def test_case_and_spacing_make_no_difference_and_words_do() -> None:
    assert identity("  Turn ON\tthe light\n") == identity("turn on the light")
    assert identity("turn on the light") != identity("turn on the lights")
