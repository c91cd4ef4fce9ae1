"""Where downloads are cached, and where studies are kept."""

from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The user's cache folder for what is downloaded once, created if need be."""
    folder = Path(platformdirs.user_cache_dir("bertailor"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
