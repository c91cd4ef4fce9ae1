"""Studies in MLflow: runs, the stores that keep them, the views of its pages, its registry of models."""
