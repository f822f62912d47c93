"""Reading an agent's answer: code, explanation, suggestions, findings. Pure.

Agents are asked for a form (see :mod:`prompts`) and keep to it more or less. Whatever they say
comes to something useful: at worst all of it is the explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from lemnos.domains.tasks.model import TaskType
from lemnos.domains.tasks.routing.model import Finding, OrderResult
from lemnos.domains.tasks.routing.prompts import REVIEWS
from lemnos.domains.workspaces.ports import Diff

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+#.-]*)[^\n]*$")
_HEADING = re.compile(
    r"^(?:#{1,6}[ \t]+(.{1,80})|\*\*([^*\n]{1,80})\*\*:?|([A-Z][a-z ]{3,30}):)[ \t]*$"
)
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(\S.*)$")
_LABELLED = re.compile(
    r"^[\[(*]{0,3}(critical|high|medium|low|info|error|warning|major|minor)[\])*]{0,3}"
    r"[ \t:–—-]+(\S.*)$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"^`?([\w./@+-]{1,300}\.\w{1,10})(?::(\d{1,7}))?`?[ \t:–—-]+(\S.*)$")

_SECTIONS = {
    "explanation": "explanation",
    "summary": "explanation",
    "verdict": "explanation",
    "code": "code",
    "suggestions": "suggestions",
    "suggestion": "suggestions",
    "next steps": "suggestions",
    "recommendations": "suggestions",
    "findings": "findings",
    "issues": "findings",
    "problems": "findings",
    "vulnerabilities": "findings",
}
_SEVERITIES = {
    "critical": "critical",
    "blocker": "critical",
    "high": "high",
    "error": "high",
    "major": "high",
    "medium": "medium",
    "moderate": "medium",
    "warning": "medium",
    "low": "low",
    "minor": "low",
}
_NO_CODE = frozenset({"json", "diff", "patch", "console", "output"})
_FIELDS = frozenset({"code", "explanation", "findings", "suggestions"})
_MOST = 200  # suggestions or findings that are read


@dataclass(frozen=True, slots=True)
class _Block:
    """A fenced block."""

    language: str
    content: str


@dataclass(slots=True)
class _Section:
    """Lines under a heading, without what is fenced."""

    name: str
    lines: list[str]
    blocks: list[_Block]

    @property
    def text(self) -> str:
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines)).strip()


def read_answer(kind: TaskType, text: str, diff: Diff | None, *, empty_start: bool) -> OrderResult:
    """The result of a task of this type from its agent's closing message and its real changes.

    ``empty_start``: the workspace was empty, so that new files are the code asked for.
    """
    whole = _json(text)
    if isinstance(whole, dict) and whole.keys() & _FIELDS:
        return _from_document(whole, text, diff)
    sections = list(_sections(text))
    code, language = _code(sections)
    if not code and empty_start and diff is not None:
        code, language = _added_code(diff)
    findings = _findings(sections, kind)
    suggestions = _items(sections, "suggestions")
    return OrderResult(
        text=text,
        code="" if kind in REVIEWS else code,
        language="" if kind in REVIEWS else language,
        explanation=_explanation(sections),
        suggestions=tuple(suggestions),
        findings=tuple(findings),
        diff=diff,
    )


def _from_document(said: Mapping[str, Any], text: str, diff: Diff | None) -> OrderResult:
    suggestions = said.get("suggestions")
    return OrderResult(
        text=text,
        code=_text(said.get("code")),
        language=_text(said.get("language")),
        explanation=_text(said.get("explanation")),
        suggestions=tuple(map(_text, suggestions[:_MOST])) if isinstance(suggestions, list) else (),
        findings=tuple(_listed(said.get("findings"))),
        diff=diff,
    )


def _sections(text: str) -> Iterator[_Section]:
    """The answer by its headings; what stands before the first known one has no name."""
    section = _Section("", [], [])
    fence, language, content = "", "", list[str]()
    for line in text.splitlines():
        marked = _FENCE.match(line)
        if fence:
            if marked and marked[1].startswith(fence) and not marked[2]:
                section.blocks.append(_Block(language, "\n".join(content)))
                fence = ""
            else:
                content.append(line)
        elif marked:
            fence, language, content = marked[1], marked[2].lower(), []
        elif (name := _heading(line)) is not None:
            yield section
            section = _Section(name, [] if name else [line], [])
        else:
            section.lines.append(line)
    if fence:  # an answer that was cut off
        section.blocks.append(_Block(language, "\n".join(content)))
    yield section


def _heading(line: str) -> str | None:
    """The section that a heading begins, one without a name if it is of no kind that is known.

    None for a line that is no heading; what is bold or ends in a colon may be but emphasis.
    """
    found = _HEADING.match(line)
    if not found:
        return None
    title = (found[1] or found[2] or found[3]).strip(" *#:").lower()
    return _SECTIONS.get(title, "" if found[1] else None)


def _code(sections: Iterable[_Section]) -> tuple[str, str]:
    """The block under "Code", else the longest one that looks like code."""
    sections = list(sections)
    for section in sections:
        if section.name == "code" and section.blocks:
            blocks = section.blocks
            return "\n\n".join(block.content for block in blocks), blocks[0].language
    blocks = [
        block
        for section in sections
        if section.name in ("", "explanation")
        for block in section.blocks
        if block.language not in _NO_CODE
    ]
    longest = max(blocks, key=lambda block: len(block.content), default=_Block("", ""))
    return longest.content, longest.language


def _added_code(diff: Diff) -> tuple[str, str]:
    """The text of new files, each under its name if there are several; their language."""
    files = list(_added(diff.text))
    if len(files) == 1:
        path, content = files[0]
        return content, _suffix(path)
    joined = "\n".join(f"=== {path} ===\n{content}" for path, content in files)
    suffixes = {_suffix(path) for path, _ in files}
    return joined, suffixes.pop() if len(suffixes) == 1 else ""


def _added(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^(?=diff --git )", text, flags=re.MULTILINE):
        head, _, body = part.partition("\n+++ b/")
        path, _, hunk = body.partition("\n")
        if "\nnew file mode" not in head or not path:
            continue
        lines = hunk.split("\n")
        yield path, "\n".join(line[1:] for line in lines if line.startswith("+"))


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def _explanation(sections: Iterable[_Section]) -> str:
    sections = list(sections)
    told = [one.text for one in sections if one.name == "explanation" and one.text]
    if told:
        return "\n\n".join(told)
    return "\n\n".join(one.text for one in sections if one.name in ("", "code") and one.text)


def _items(sections: Iterable[_Section], name: str) -> list[str]:
    lines = [line for one in sections if one.name == name for line in one.lines]
    return [found[1].strip() for line in lines if (found := _ITEM.match(line))][:_MOST]


def _findings(sections: Iterable[_Section], kind: TaskType) -> list[Finding]:
    """Those of a JSON list; else items of the section, or labelled ones anywhere in a review."""
    sections = list(sections)
    for section in sections:
        if section.name == "findings" or kind in REVIEWS:
            for block in section.blocks:
                if isinstance(listed := _json(block.content), list):
                    return list(_listed(listed))
    items = _items(sections, "findings")
    if items:
        return [_finding(item) for item in items]
    if kind not in REVIEWS:
        return []
    anywhere = [item for name in ("", "explanation") for item in _items(sections, name)]
    return [_finding(item) for item in anywhere if _LABELLED.match(item)]


def _listed(said: object) -> Iterator[Finding]:
    for one in said[:_MOST] if isinstance(said, list) else ():
        if isinstance(one, str) and one.strip():
            yield _finding(one)
        elif isinstance(one, dict) and (message := _message(one)):
            yield Finding(
                message,
                _severity(_text(one.get("severity"))),
                _text(one.get("file") or one.get("path")),
                _number(one.get("line")),
                _text(one.get("suggestion") or one.get("fix")),
            )


def _message(said: Mapping[str, Any]) -> str:
    names = ("message", "description", "issue", "title")
    return next((_text(said[name]) for name in names if said.get(name)), "")


def _finding(item: str) -> Finding:
    """``[high] src/a.py:12 - it does`` and what comes near it."""
    severity, file, line = "info", "", None
    if labelled := _LABELLED.match(item):
        severity, item = _severity(labelled[1]), labelled[2]
    if place := _PLACE.match(item):
        file, line, item = place[1], _number(place[2]), place[3]
    return Finding(item.strip(), severity, file, line)


def _severity(said: str) -> str:
    return _SEVERITIES.get(said.strip().lower(), "info")


def _number(said: object) -> int | None:
    if isinstance(said, bool) or not isinstance(said, int | str):
        return None
    try:
        number = int(said)
    except ValueError:
        return None
    return number if 0 < number < 10**7 else None


def _text(said: object) -> str:
    if said is None:
        return ""
    return said.strip("\n") if isinstance(said, str) else str(said)


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text.strip().encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
