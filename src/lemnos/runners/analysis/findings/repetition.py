"""Literals and expressions that are written again and again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from lemnos.domains.analysis.facts import Finding
from lemnos.runners.analysis.parsed import Parsed
from lemnos.runners.analysis.structure import FunctionShape

TIMES = 4  # from which on a literal is taken for a constant; RSPEC-1192 has 3
EXPRESSIONS = 4  # times that one chain of attributes is read in one function [ours]
_SHORTEST = 8  # characters of a string with its quotes: shorter ones are clearer as they are
_LONGEST = 200
_NUMBER = re.compile(r"\d{3,}(?:\.\d+)?|\d+\.\d+")
_ORDINARY = {"100", "1000", "0.0", "1.0", "0.5", "2.0", "10.0", "100.0"}
_TYPEOF = {"undefined", "function", "boolean"}  # what JavaScript compares a typeof with
_WORDS = re.compile(r"[A-Za-z][a-z]*|\d+")
_NOT_A_VALUE = ('"""', "'''", "`", 'f"', "f'")
_UPPER = {"python", "java", "rust", "c", "cpp", "ruby", "javascript", "typescript", "tsx"}


def find(parsed: Parsed) -> Iterator[Finding]:
    """extract_constant for literals, extract_variable for chains of attributes."""
    for literal, lines in parsed.tokens.literals.items():
        if len(lines) >= TIMES and _worth_a_name(literal):
            yield _constant(literal, lines, parsed.language)
    yield from _chains(parsed)


def _worth_a_name(literal: str) -> bool:
    if literal[0].isdigit():
        return bool(_NUMBER.fullmatch(literal)) and literal not in _ORDINARY
    if literal.startswith(_NOT_A_VALUE) or not _SHORTEST <= len(literal) <= _LONGEST:
        return False
    named = literal.strip("\"'") not in _TYPEOF
    return named and bool(_WORDS.search(literal)) and "\n" not in literal


def _constant(literal: str, lines: list[int], language: str) -> Finding:
    times = len(lines)
    name = _constant_name(literal, language)
    return Finding(
        "extract_constant",
        name,
        lines[0],
        lines[-1],
        f"The literal {_short(literal)} is written {times} times",
        "readability",
        round(100 * (times - 1) / times, 1),
        {"literal": literal, "name": name, "lines": lines[:100], "times": times},
    )


def _constant_name(literal: str, language: str) -> str:
    words = [word.lower() for word in _WORDS.findall(literal)][:5] or ["value"]
    if words[0].isdigit():
        words.insert(0, "number")
    if language in _UPPER:
        return "_".join(words).upper()
    return "".join(word.capitalize() for word in words)


def _chains(parsed: Parsed) -> Iterator[Finding]:
    """Chains of at least three attributes that one function reads again and again."""
    nodes = parsed.captures.get("chain", [])
    if len(nodes) < EXPRESSIONS:
        return
    functions = [each for each in parsed.shape.functions if not each.inner]
    starts = sorted(
        (each.node.start_byte, each.node.end_byte, at) for at, each in enumerate(functions)
    )
    seen: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    at = 0
    for node in sorted(nodes, key=lambda each: each.start_byte):
        while at < len(starts) and starts[at][1] <= node.start_byte:
            at += 1
        text = node.text or b""
        if at < len(starts) and starts[at][0] <= node.start_byte and _plain(text):
            seen[starts[at][2], text].append(node.start_point[0] + 1)
    yield from _repeated(seen, functions)


def _plain(text: bytes) -> bool:
    """Only names and dots: nothing that is called, or indexed by what may change."""
    return text.replace(b".", b"").replace(b"_", b"").isalnum() and len(text) <= _LONGEST


def _repeated(
    seen: dict[tuple[int, bytes], list[int]], functions: list[FunctionShape]
) -> Iterator[Finding]:
    longer: dict[int, list[bytes]] = defaultdict(list)
    for (place, text), lines in sorted(seen.items(), key=lambda item: -len(item[0][1])):
        covered = any(other.startswith(text + b".") for other in longer[place])
        if len(lines) < EXPRESSIONS or covered:
            continue
        longer[place].append(text)
        expression = text.decode(errors="replace")
        symbol = functions[place].symbol
        yield Finding(
            "extract_variable",
            symbol,
            lines[0],
            lines[-1],
            f"{symbol} reads {expression} {len(lines)} times",
            "readability",
            round(100 * (len(lines) - 1) / len(lines), 1),
            {
                "function": symbol,
                "expression": expression,
                "name": expression.rpartition(".")[2],
                "lines": lines[:100],
                "times": len(lines),
            },
        )


def _short(literal: str) -> str:
    return literal if len(literal) <= 60 else f"{literal[:57]}…"
