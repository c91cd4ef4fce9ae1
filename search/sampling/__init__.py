"""Optuna's side of a study: proposals, what they are told, and the folder that remembers it."""
