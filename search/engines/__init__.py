"""Engines: who runs a study's jobs. They know nothing of studies."""
