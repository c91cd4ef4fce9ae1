"""The file that would be deployed: built, scored, bundled and verified."""
