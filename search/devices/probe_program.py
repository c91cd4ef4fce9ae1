"""The probe as one file, which is sent to boards and run by path: a zip archive that Python runs."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from filelock import FileLock

from search.files import cache_folder, digest, write_whole

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from search.runtime.probe import main\n\nmain()\n"


def probe_program() -> Path:
    """The archive, in the user's cache under the digest of its bytes; it is made when it is first asked for."""
    path = cache_folder() / f"probe-{probe_digest()}.pyz"
    with FileLock(f"{path}.lock"):
        if not path.is_file():
            write_whole(path, _archive())
    return path


def probe_digest() -> str:
    """Tells probes apart: what one has measured, another may not find."""
    return digest(_archive())


@cache
def _archive() -> bytes:
    """The probe's packages under their own names, and what calls it; the sources alone decide the bytes."""
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr(ZipInfo("__main__.py"), MAIN)
        for path in (ROOT / "search" / "__init__.py", *sorted((ROOT / "search" / "runtime").glob("*.py"))):
            # An entry made so has the same date, whenever that is.
            archive.writestr(ZipInfo(path.relative_to(ROOT).as_posix()), path.read_bytes())
    return content.getvalue()
