"""Where the commands write, and the options that they share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

# Where there is no terminal to ask, this is wide enough for a table.
console = Console(width=None if sys.stdout.isatty() else 120)
errors = Console(stderr=True)

Store = Annotated[
    Path,
    typer.Option("--store", envvar="BERTAILOR_STORE", help="Folder of all studies and of the MLflow database."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text for a person.")]
DEFAULT_STORE = Path("mlruns")


def print_json(value: Any) -> None:
    """Print one JSON document and nothing else."""
    print(json.dumps(value, indent=2))
