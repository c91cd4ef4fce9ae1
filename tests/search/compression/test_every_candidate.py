"""Any candidate that the space may give is built, exported, reloaded, and agrees with its PyTorch model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import optuna
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from search.artifacts.scoring import artifact_logits
from search.bundles.agreement import TOLERANCES
from search.compression import Draft, apply, steps_of_the_encoder
from search.compression.corpus import read_corpus
from search.models.backbones import load_backbone
from search.models.checkpoint import save_checkpoint, stock_class
from search.study.setting_up import full_model
from search.study.workbench import Workbench
from search.tasks import Task
from spaces import Candidate, Space, preset_names


@pytest.fixture(scope="module", params=["minilm-l6", "scratch"])
def whole_bench(request: pytest.FixtureRequest, bench: Workbench, tiny_task: Task) -> Workbench:
    """A bench with the default space, with and without a pretrained backbone."""
    if request.param == "minilm-l6":
        return bench
    backbone = load_backbone("scratch")
    space = Space.load("default", backbone.shape)  # the widest and deepest of the presets
    full = full_model(backbone, space, tiny_task.labels, seed=0)
    return dataclasses.replace(bench, backbone=backbone, space=space, pretrained=full)


def sampled(bench: Workbench, preset: str, seed: int) -> Candidate:
    corpus = read_corpus(bench.task, bench.backbone.tokenizer)[0]
    space = Space.load(preset, bench.backbone.shape, corpus)
    inheriting = space.model_copy(update={"training": None})
    return inheriting.sample(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(preset=st.sampled_from(preset_names()), seed=st.integers(0, 2**31))
def test_it_builds_exports_reloads_and_agrees(whole_bench: Workbench, preset: str, seed: int) -> None:
    candidate, bench = sampled(whole_bench, preset, seed), whole_bench
    model = bench.maker.cut(candidate, bench.pretrained)
    with TemporaryDirectory() as name:
        folder = Path(name)
        bench.maker.build(model, candidate, folder)
        given_draft = Draft(model=model, tokenizer=bench.backbone.tokenizer, max_tokens=bench.task.max_tokens)
        shipped = apply(steps_of_the_encoder(candidate.compression, bench.maker.material), given_draft)
        save_checkpoint(shipped.model, folder)
        shipped.tokenizer.save_pretrained(folder / "tokenizer")
        loaded = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
        assert (loaded.config.model_type == "bert") == (stock_class(shipped.model.config) is not None)

        texts = bench.task.validation.texts
        deployed = Tokenizer.from_file(str(folder / "tokenizer.json"))
        ordinary = AutoTokenizer.from_pretrained(folder / "tokenizer")
        answered = softmax(artifact_logits(folder, texts, batch_size=1), axis=1)
        for text, probabilities in zip(texts, answered, strict=True):
            ids = deployed.encode(text).ids
            limit = candidate.compression.max_tokens or bench.task.max_tokens
            assert ordinary(text, truncation=True, max_length=limit)["input_ids"] == ids
            with torch.inference_mode():
                by_model, by_loaded = (one(torch.tensor([ids])).logits for one in (shipped.model, loaded))
            torch.testing.assert_close(by_loaded, by_model, atol=1e-5, rtol=0)
            expected = softmax(by_model.numpy()[0])
            assert np.abs(probabilities - expected).max() < TOLERANCES[candidate.compression.quantisation].probability
