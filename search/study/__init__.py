"""A study and its trials: what happens, in which order."""
