"""The bundle of an exported winner, and what verifies it."""
