"""Where MLflow keeps its records: the embedded store, a server or a database."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import requests
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from trackers.errors import TrackingError

# It is no news that the store's tables are created, nor that fonts are listed.
for noisy in ("mlflow.store.db.utils", "matplotlib.font_manager"):
    logging.getLogger(noisy).setLevel(logging.WARNING)

DATABASES = {"sqlite", "postgresql", "mysql", "mssql"}
# MLflow itself would try a server that is away for four minutes at every call.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


def embedded_uri(store: Path) -> str:
    """The address of the embedded tracking store in a folder."""
    return f"sqlite:///{(store / 'mlflow.db').resolve().as_posix()}"


def tracking_uri(store: Path, configured: str | None = None) -> str:
    """Where a study is recorded: as configured, as the environment says, or in the folder of all studies."""
    return configured or os.environ.get("MLFLOW_TRACKING_URI") or embedded_uri(store)


def is_database(uri: str) -> bool:
    """Whether an address is that of a database, and not of a server that has pages and keeps artefacts itself."""
    return uri.partition(":")[0].partition("+")[0] in DATABASES


def connect(uri: str) -> MlflowClient:
    """A client whose store answers.

    Raises:
        TrackingError: It doesn't, and what to do.
    """
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        if is_database(uri) and not uri.startswith("sqlite"):
            create_engine(uri).connect().close()  # MLflow would try one that is away for two minutes
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except Exception as error:
        raise TrackingError(f"the tracking store {shown(uri)} {_why(error, uri)}") from error
    return client


def is_away(error: BaseException) -> bool:
    """Whether an error says that the store is out of reach, and not that it refuses something."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, requests.ConnectionError | requests.Timeout | OperationalError):
            return True
        if isinstance(seen, requests.HTTPError) and seen.response is not None and seen.response.status_code >= 500:
            return True
        seen = seen.__cause__ or seen.__context__
    return isinstance(error, MlflowException) and error.error_code == "TEMPORARILY_UNAVAILABLE"


def shown(uri: str) -> str:
    """An address without its password."""
    return re.sub(r"//([^:/@]+):[^@/]*@", r"//\1:***@", uri)


def _why(error: Exception, uri: str) -> str:
    said = str(error)
    if "out-of-date database schema" in said or "Can't locate revision" in said:
        return (
            "was made by another version of MLflow: install the newest (`pip install -U mlflow`), and if it is older"
            f" than that, copy it and run `mlflow db upgrade {shown(uri)}`"
        )
    if not is_database(uri) and is_away(error):
        return "does not answer: start it, or correct tracking.uri or MLFLOW_TRACKING_URI"
    if isinstance(error, ModuleNotFoundError):
        remedy = "`pip install 'bertailor[postgresql]'`" if error.name == "psycopg" else "install it"
        return f"needs the package {error.name}: {remedy}"
    line = (said.strip().splitlines() or [type(error).__name__])[0]
    return f"can't be used ({line}): correct tracking.uri or MLFLOW_TRACKING_URI"
