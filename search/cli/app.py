"""The command `bertailor`: its commands are in the files beside this one."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated

import typer

# One process makes the word pieces here, and the warning on forks is noise. It is read when tokenizers is first used.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that spin while they wait slow a training down beside other work. It is read when torch is first loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from search.cli import browse, exporting, pages, profiling, searching
from search.cli.console import errors
from search.errors import RunError, UsageError
from trackers.errors import TrackingError

app = typer.Typer(
    name="bertailor",
    help="Find the BERT that fits a task and a device, and get the file to deploy with the proof that it fits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(searching.search)
app.command()(browse.front)
app.command()(browse.report)
app.command()(exporting.export)
app.command()(exporting.verify)
app.command()(exporting.predict)
app.command()(profiling.profile)
app.command()(profiling.calibrate)
app.command()(pages.ui)
app.command(name="list")(browse.list_known)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Read by ``main``, which handles the errors."""


def main() -> None:
    """Run the command; errors are one line, and exit codes are 2 for wrong use and 1 for a failed run."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a redirected Windows console knows few signs
    try:
        app()
    except (UsageError, RunError, TrackingError) as error:
        if debug:
            traceback.print_exc()
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1 if isinstance(error, RunError) else 2)
    except Exception as error:
        if debug:
            raise
        line = (str(error).splitlines() or [""])[0]
        errors.print(
            f"error: {type(error).__name__}: {line} (a fault of bertailor's own; `bertailor --debug ...` shows where)",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        sys.exit(1)
