"""The artefact for OpenVINO, Intel's runtime."""

from __future__ import annotations

from pathlib import Path

from search.errors import RunError, UsageError
from search.runtime.classifier import MODEL


def write_openvino(folder: Path) -> None:
    """Write ``openvino/model.xml`` and its weights from the ``model.onnx`` of a folder.

    Raises:
        UsageError: OpenVINO is not installed.
        RunError: It doesn't know something that the graph does.
    """
    try:
        import openvino
    except ImportError as error:
        raise UsageError("--format openvino needs the package openvino: `pip install openvino`") from error
    try:
        # `convert_model` is not called, because it reports its use to the makers.
        model = openvino.Core().read_model(folder / MODEL)
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise RunError(f"OpenVINO can't convert this artefact: {lines[-1].strip()}; leave openvino out") from error
    (folder / "openvino").mkdir()
    openvino.save_model(model, str(folder / "openvino" / "model.xml"), compress_to_fp16=False)
