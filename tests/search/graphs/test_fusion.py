from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from search.graphs.export import export_onnx
from search.graphs.fusion import OP, set_heads
from search.models.slicing import cut
from spaces import Architecture
from tests.search.encoders import architectures, small_encoder, small_inputs


def nodes(path: Path) -> list[onnx.NodeProto]:
    return [node for node in onnx.load(path).graph.node if node.op_type == OP]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architecture=architectures())
def test_each_layer_attends_in_one_node_and_answers_as_before(architecture: Architecture, tmp_path: Path) -> None:
    model, path = cut(small_encoder(), architecture), tmp_path / "model.onnx"
    export_onnx(model, path)
    onnx.checker.check_model(onnx.load(path))
    assert [node.attribute[0].i for node in nodes(path)] == list(architecture.heads)
    assert all(node.op_type != "Softmax" for node in onnx.load(path).graph.node)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for ids, mask in (small_inputs(), small_inputs(1, 1), small_inputs(5, 9)):
        with torch.inference_mode():
            expected = model(ids, mask).logits.numpy()
        (answered,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        np.testing.assert_allclose(answered, expected, atol=1e-4, rtol=1e-4)


def test_the_number_of_heads_can_be_set_layer_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(small_encoder(), path)
    graph = onnx.load(path)
    set_heads(graph, [1, 2, 3])
    onnx.save(graph, path)
    assert [node.attribute[0].i for node in nodes(path)] == [1, 2, 3]
    with pytest.raises(ValueError, match="shorter"):
        set_heads(graph, [1, 2])


def test_layers_that_share_their_weights_are_left_as_they_are(tmp_path: Path) -> None:
    model, path = small_encoder(shared_layers=True), tmp_path / "model.onnx"
    export_onnx(model, path)
    assert nodes(path) == []
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ids, mask = small_inputs()
    with torch.inference_mode():
        expected = model(ids, mask).logits.numpy()
    (answered,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    np.testing.assert_allclose(answered, expected, atol=1e-4, rtol=1e-4)
