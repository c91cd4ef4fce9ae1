"""ONNX graphs: the export of an encoder, its fusions, and templates that are filled with weights."""
