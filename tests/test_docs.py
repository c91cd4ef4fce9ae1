from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel
from reference import commands, keys, named

from search.cli.app import app
from search.config import StudyConfig
from search.devices.loading import KINDS, parse_device
from spaces import Space

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])}
# The classes whose keys some page lists.
SHOWN = [named(path) for page in PAGES.values() for path in re.findall(r"{keys} (\S+)", page.read_text("utf-8"))]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands
# A space's own fields are its sections, and the choices in them are written as lists and ranges.
NOT_WRITTEN = {Space}


def tokens(page: Path) -> Iterator[Token]:
    """The tokens of a page, those within a line too."""
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def blocks(language: str) -> list[tuple[str, str]]:
    """The fenced blocks in a language, each with its page."""
    return [
        (name, token.content)
        for name, page in PAGES.items()
        for token in tokens(page)
        if token.type == "fence" and token.info == language
    ]


def anchors(page: Path) -> set[str]:
    """The headings of a page as addresses name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> Iterator[tuple[str, str]]:
    for name, page in PAGES.items():
        for token in tokens(page):
            address = token.attrs.get("href") or token.attrs.get("src")
            if address and "://" not in str(address):
                yield name, str(address)


def written(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and those that its keys hold, but for the kinds of choice."""

    def within(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for part in get_args(annotation):
            yield from within(part)

    held = {part for field in model.model_fields.values() for part in within(field.annotation)}
    return {model}.union(*(written(part) for part in held if part.__module__ != "spaces.choices"))


WRITTEN = set().union(*(written(model) for model in (StudyConfig, Space, *KINDS.values()))) - NOT_WRITTEN


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(("page", "address"), links())
def test_a_link_leads_somewhere(page: str, address: str) -> None:
    place, _, anchor = address.partition("#")
    target = (PAGES[page].parent / place).resolve() if place else PAGES[page]
    assert target.is_file()
    assert not anchor or anchor in anchors(target)


def test_the_reference_names_every_command_and_every_option() -> None:
    parts = re.split(r"^## `bertailor (.+)`$", commands(), flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert sections.keys() == COMMANDS.keys()
    for name, section in sections.items():
        for parameter in COMMANDS[name].params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert re.search(rf"^\* `.*{option}\b", section, flags=re.MULTILINE), f"{name} {option}"


@pytest.mark.parametrize("model", sorted(WRITTEN, key=lambda model: model.__qualname__))
def test_the_reference_names_every_key(model: type[BaseModel]) -> None:
    tables = "\n".join(keys(shown) for shown in SHOWN if issubclass(model, shown))
    meanings = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", tables, flags=re.MULTILINE))
    assert meanings.keys() == model.model_fields.keys()


def test_a_key_without_a_meaning_is_refused() -> None:
    class Plain(BaseModel):
        """A model that says nothing of its key."""

        size: int

    with pytest.raises(KeyError, match="size"):
        keys(Plain)


@pytest.mark.parametrize(("page", "block"), blocks("sh"))
def test_the_commands_of_a_page_exist(page: str, block: str) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in block.splitlines():
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            assert {*words} <= {*targets}
        if program == "bertailor":
            known = {option for parameter in COMMANDS[words[0]].params for option in parameter.opts}
            assert {word for word in words if word.startswith("-")} <= known, line


def test_the_benchmarks_of_the_pages_exist() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES.values())
    programs = set(re.findall(r"benchmarks/\w+\.py", text))
    assert programs >= {"benchmarks/winner.py", "benchmarks/steadiness.py"}
    assert [program for program in programs if not (ROOT / program).is_file()] == []


def test_the_map_of_the_rooms_names_what_there_is() -> None:
    rooms = re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert {"spaces/", "search/study/", "search/study/trial.py"} <= {*rooms}
    assert [room for room in rooms if not (ROOT / room).exists()] == []


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_the_files_of_a_page_can_be_read(page: str, block: str) -> None:
    raw = yaml.safe_load(block)
    if "task" in raw:
        assert StudyConfig.model_validate(raw).name == raw["name"]
    else:
        assert parse_device(raw, page).name == raw["name"]


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    sphinx = [sys.executable, "-m", "sphinx", "-W", "-E", "-q", str(ROOT / "docs"), str(tmp_path)]
    built = subprocess.run(sphinx, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (built.returncode, built.stderr) == (0, "")
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in tmp_path.glob("*.html")}
    assert 'id="bertailor-calibrate"' in (tmp_path / "commands.html").read_text(encoding="utf-8")
    assert "warm_up_epochs" in (tmp_path / "study-file.html").read_text(encoding="utf-8")
