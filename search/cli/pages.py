"""`bertailor ui`: the MLflow pages in a browser."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from typing import Annotated

import psutil
import requests
import typer

from search.cli.console import DEFAULT_STORE, Store, console
from search.errors import RunError, UsageError

# The server may take so long to start.
START_LIMIT_S = 120


def ui(
    study: Annotated[str | None, typer.Argument(help="The study to open at; by default, the newest.")] = None,
    store: Store = DEFAULT_STORE,
    port: Annotated[int, typer.Option(help="Port of the page.", min=1, max=65535)] = 5000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for every one of this machine's.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the pages in a browser.")] = True,
) -> None:
    """Open the MLflow pages of all studies, or of one."""
    from search.sampling.store import study_store
    from trackers.mlflow.store import connect, embedded_uri, is_database, shown, tracking_uri
    from trackers.mlflow.views import study_page

    begun = None if study is None else study_store(store, study)
    uri = tracking_uri(store, None if begun is None else begun.config().tracking_uri)
    if uri == embedded_uri(store) and not (store / "mlflow.db").is_file():
        raise UsageError(f"there is no study in {store} to look at: begin one with `bertailor search`")
    page = study_page(connect(uri), None if begun is None else begun.name)
    if not is_database(uri):
        console.print(f"MLflow at {shown(uri)}", highlight=False)
        _open(f"{uri.rstrip('/')}/{page}", browser)
        return
    _check_free(host, port)
    everywhere = host == "0.0.0.0"
    address = f"http://{'127.0.0.1' if everywhere else host}:{port}"
    options = ["--backend-store-uri", uri, "--host", host, "--port", str(port), "--workers", "1"]
    options += ["--allowed-hosts", "*"] if everywhere else []  # MLflow would refuse what calls this machine by its name
    artifacts = ["--default-artifact-root", (store / "artifacts").resolve().as_uri()]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server goes with the command
    # MLflow's jobs are for language models, and run in seven processes.
    variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    server = subprocess.Popen([sys.executable, "-m", "mlflow", "server", *options, *artifacts], env=variables)
    try:
        if _answers(server, f"{address}/health"):
            console.print(f"MLflow at {address}/{page}; Ctrl-C ends it", highlight=False, soft_wrap=True)
            _open(f"{address}/{page}", browser)
        code = server.wait()
    except KeyboardInterrupt:
        _end_with_children(server.pid)
        return
    if code:
        raise RunError(f"the MLflow server ended with exit code {code}; its own lines above say why")


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"port {port} of {host} can't be used ({error.strerror}): give another with --port"
            ) from error


def _answers(server: subprocess.Popen[bytes], address: str) -> bool:
    """Wait until the server answers, which it may never do."""
    deadline = time.monotonic() + START_LIMIT_S
    with requests.Session() as session:
        session.trust_env = False  # a proxy that the environment names does not lead to this machine
        while server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if session.get(address, timeout=1).ok:
                    return True
            time.sleep(0.2)
    return False


def _open(address: str, wanted: bool) -> None:
    if wanted and not webbrowser.open(address):
        console.print(
            f"no browser can be opened here: open {address} yourself, from another machine by"
            " `ssh -L 5000:localhost:5000 THIS_MACHINE`",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def _end_with_children(pid: int) -> None:
    """End a process and all that it started, which would otherwise live on."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(family, timeout=5)[1]:
            process.kill()
