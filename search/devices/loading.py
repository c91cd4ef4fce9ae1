"""Devices by name: the catalogue, and the user's own files."""

from __future__ import annotations

from pathlib import Path

from search.devices.device import Device
from search.devices.local import LocalDevice
from search.devices.scaled import ScaledDevice
from search.devices.ssh import SshDevice
from search.errors import UsageError
from search.reading import parse, read_mapping
from spaces import nearest

CATALOGUE = Path(__file__).with_name("catalogue")
KINDS: dict[str, type[Device]] = {"local": LocalDevice, "ssh": SshDevice, "scaled": ScaledDevice}


def load_device(name: str) -> Device:
    """Look a device up in the catalogue, or read the user's own YAML file.

    Raises:
        UsageError: There is no such device, or its file can't be read.
    """
    own = Path(name).suffix in {".yaml", ".yml"}
    path = Path(name) if own else CATALOGUE / f"{name}.yaml"
    if not path.is_file():
        known = device_names()
        raise UsageError(
            f"there is no device file {name}: correct the path"
            if own
            else f"unknown device '{name}'{nearest(name, known)}; known: {', '.join(known)}, or the path of a YAML file"
        )
    raw = read_mapping(path)
    if isinstance(raw.get("calibration"), str):
        raw["calibration"] = str((path.parent / raw["calibration"]).resolve())
    return parse_device(raw, str(path))


def parse_device(raw: dict[str, object], where: str) -> Device:
    """A device from its keys.

    Raises:
        UsageError: There is no such kind of device, or a key is wrong.
    """
    kind = str(raw.get("kind", "local"))
    if kind not in KINDS:
        raise UsageError(f"{where}: kind: {kind} is none of {', '.join(KINDS)}")
    return parse(KINDS[kind], raw, where)


def device_names() -> list[str]:
    """The devices of the catalogue, sorted."""
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))
