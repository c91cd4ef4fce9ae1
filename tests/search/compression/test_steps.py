"""The steps that there are, and what each promises."""

from __future__ import annotations

import pytest

from search.compression.exporting import Export
from search.compression.length import CapLength
from search.compression.low_rank import FactoriseDense, FactoriseEmbeddings
from search.compression.pruning import Prune
from search.compression.quantisation import DynamicInt8, Int4, StaticInt8
from search.compression.step import Draft
from search.compression.vocabulary import TrimVocabulary
from spaces import Architecture
from tests.contracts.steps import ABSENT, TEXTS, ExactStep, StepOfTheArtifact, StepOfTheEncoder, StepOfTheGraph


class TestPrune(StepOfTheEncoder):
    @pytest.fixture(scope="class", params=[(0, 1), (1,)], ids=str)
    def step(self, request: pytest.FixtureRequest) -> Prune:
        return Prune(Architecture.uniform(request.param, heads=3, ffn_size=50, hidden_size=40))


class TestFactoriseEmbeddings(StepOfTheEncoder):
    @pytest.fixture(scope="class")
    def step(self) -> FactoriseEmbeddings:
        return FactoriseEmbeddings(8)


class TestFactoriseDense(StepOfTheEncoder):
    @pytest.fixture(scope="class")
    def step(self) -> FactoriseDense:
        return FactoriseDense(10)


class TestTrimVocabulary(ExactStep):
    @pytest.fixture(scope="class")
    def step(self, draft: Draft) -> TrimVocabulary:
        pieces = draft.tokenizer.get_vocab()
        return TrimVocabulary(sorted(index for piece, index in pieces.items() if piece != ABSENT))


class TestCapLength(ExactStep):
    @pytest.fixture(scope="class")
    def step(self) -> CapLength:
        return CapLength(1 + max(len(text.split()) for text in TEXTS))


class TestExport(StepOfTheArtifact):
    tolerance = 1e-5

    @pytest.fixture(scope="class")
    def step(self) -> Export:
        return Export()


class TestExportAsInt8(StepOfTheArtifact):
    tolerance = 0.15

    @pytest.fixture(scope="class")
    def step(self) -> Export:
        return Export(int8=True)


class TestDynamicInt8(StepOfTheGraph):
    tolerance = 0.15

    @pytest.fixture(scope="class", params=[(False, "nothing"), (True, "nothing"), (False, "embeddings")], ids=str)
    def step(self, request: pytest.FixtureRequest) -> DynamicInt8:
        return DynamicInt8(*request.param)


class TestStaticInt8(StepOfTheGraph):
    tolerance = 0.15

    @pytest.fixture(scope="class", params=[(False, "nothing"), (True, "nothing"), (False, "embeddings")], ids=str)
    def step(self, request: pytest.FixtureRequest) -> StaticInt8:
        return StaticInt8(*request.param, texts=TEXTS)


class TestInt4(StepOfTheGraph):
    tolerance = 0.6

    @pytest.fixture(scope="class", params=["nothing", "ffn-outputs"])
    def step(self, request: pytest.FixtureRequest) -> Int4:
        return Int4(request.param)
