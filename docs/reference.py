"""The tables and lists of the reference pages, made from the program itself, so that they can't go stale.

A page has an empty block ``{commands}`` where it lists the commands, and ``{keys} PACKAGE.CLASS`` where it lists the
keys that a class of a YAML file declares.
"""

from __future__ import annotations

import inspect
import json
import pydoc
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

# A line of a docstring's section "Attributes", with the lines that it goes on in.
ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
TYPES = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "string": "text"}


def commands() -> str:
    """Every command with its arguments and options, in Markdown without a title, by Typer's own generator."""
    typer = [sys.executable, "-m", "typer", "search.cli.app", "utils", "docs", "--name", "bertailor"]
    written = subprocess.run(typer, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    return written.partition("\n")[2]


def keys(model: type[BaseModel]) -> str:
    """The keys that a model itself declares as a table in Markdown: what each takes, its default and its meaning.

    Raises:
        KeyError: The docstring's section "Attributes" says nothing of a key.
    """
    schema, meanings = model.model_json_schema(), attributes(model)
    own, required = inspect.get_annotations(model), schema.get("required", ())
    rows = ["| key | takes | default | meaning |", "| --- | --- | --- | --- |"]
    for name, key in schema["properties"].items():
        if name in own:
            default = "required" if name in required else shown(key["default"])
            rows.append(f"| `{name}` | {takes(key, schema.get('$defs', {}))} | {default} | {meanings[name]} |")
    return "\n".join(rows)


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """What a class and those that it derives from say of their attributes."""
    sections = [(inspect.getdoc(base) or "").partition("Attributes:\n")[2] for base in reversed(model.__mro__)]
    found = [attribute for section in sections for attribute in ATTRIBUTE.findall(section)]
    return {name: " ".join(text.split()).replace("|", "\\|") for name, text in found}


def takes(schema: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """What a value of a JSON schema may be, in words; ``models`` are those that it refers to."""
    match schema:
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"const": value}:
            return f"`{value}`"
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " or ".join(takes(kind, models) for kind in kinds if kind != {"type": "null"})
        case {"$ref": reference}:
            return takes(models[reference.removeprefix("#/$defs/")], models)
        case {"properties": {"values": {"items": item}}}:  # a choice of a space
            return f"one or a list of: {takes(item, models)}"
        case {"properties": names}:
            return f"`{{{', '.join(names)}}}`"
        case {"items": item, "minItems": low, "maxItems": high}:
            return f"{low} to {high} of: {takes(item, models)}"
        case {"items": item}:
            return f"list of: {takes(item, models)}"
        case {"format": "path"}:
            return "path of a file"
    limits = [f"{words} {schema[name]:g}" for name, words in LIMITS.items() if name in schema]
    return " ".join([TYPES[schema["type"]], " and ".join(limits)]).strip()


def shown(default: Any) -> str:
    """A default as a study file has it; nothing where a key may be left out altogether."""
    if isinstance(default, dict):  # a choice of a space, or a section whose keys have defaults of their own
        default = default.get("values")
    return "" if default in (None, "", []) else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the tables and lists where a page wants them, before it is read."""
    with_keys = re.sub(r"```\{keys\} (\S+)\n```", lambda wanted: keys(named(wanted[1])), source[0])
    source[0] = re.sub(r"```\{commands\}\n```", lambda _: commands(), with_keys)


def named(path: str) -> type[BaseModel]:
    """The class of a dotted path.

    Raises:
        ValueError: There is no such class.
    """
    found = pydoc.locate(path)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise ValueError(f"{path} is no pydantic class: correct the path in the page")
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx fill each page as it reads it."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
