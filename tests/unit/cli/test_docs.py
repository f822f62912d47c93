"""What the documentation says of commands, settings and files is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lemnos.cli.app import app
from lemnos.settings import describe

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_CODE = re.compile(r"```.*?\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s(/])lemnos ((?:[a-z-]+)(?: [^\n#|)`]*)?)")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_OTHER_VARIABLES = {"LEMNOS_CONFIG", "LEMNOS_URL", "LEMNOS_API_KEY", "LEMNOS_NPM_DIR"}


def _code(page: Path) -> Iterator[str]:
    text = page.read_text().replace("\\\n", " ")
    for block, inline in _CODE.findall(text):
        yield block or inline


def _commands(page: Path) -> Iterator[list[str]]:
    for code in _code(page):
        for match in _COMMAND.finditer(code):
            yield match[1].split()


def _find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and the rest of them."""
    found: Any = get_command(app)
    while hasattr(found, "commands") and words and words[0] in found.commands:
        found, words = found.commands[words[0]], words[1:]
    return found, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path):
    for words in _commands(page):
        command, rest = _find(words)
        assert not hasattr(command, "commands") or not rest, f"lemnos {' '.join(words)}"
        known = {name for given in command.params for name in (*given.opts, *given.secondary_opts)}
        ours = rest[: rest.index("--")] if "--" in rest else rest
        used = {word for word in ours if word.startswith("--")}
        assert used <= known, f"lemnos {' '.join(words)}"


def test_commands_were_looked_at():
    found = [words for page in PAGES for words in _commands(page)]
    assert ["doctor"] in found
    assert len(found) > 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_exist(page: Path):
    known = {variable for _, variable, _, _ in describe()} | _OTHER_VARIABLES
    used = set(re.findall(r"LEMNOS_[A-Z_]+\b", page.read_text()))
    assert used <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for target in _LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_table_of_settings_is_current(lemnos):
    page = (ROOT / "docs" / "configuration.md").read_text()
    begin, end = "<!-- made by `lemnos config reference` -->\n", "<!-- end -->"
    table = page.partition(begin)[2].partition(end)[0]
    assert table == lemnos("config", "reference").out, (
        "put in what `lemnos config reference` prints"
    )


def test_the_readme_names_every_page():
    text = (ROOT / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in text or page.name == "benchmarks.md"
