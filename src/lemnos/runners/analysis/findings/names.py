"""Names that say nothing, or not in the way of their language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lemnos.domains.analysis.facts import Finding
from lemnos.runners.analysis.documentation import is_public
from lemnos.runners.analysis.parsed import Parsed
from lemnos.runners.analysis.structure import FunctionShape

DOCUMENTED = 0.5  # under this share a file has nothing but its names to explain it
_LEAST_LINES = 15  # of a function in which a short name is far from where it was given
_SAYS_NOTHING = {
    "tmp", "temp", "data2", "foo", "bar", "baz", "val", "ret", "res", "obj", "arr", "lst", "dct",
    "thing", "stuff", "var", "aux",
}  # fmt: skip
_ACCEPTED = {"_", "i", "j", "k", "n", "x", "y", "z", "e", "f", "id", "db", "tx", "ok", "fn", "cb"}
_VERBS = re.compile(
    r"^(?:get|load|make|create|read|fetch|build|find|parse|compute|new|to)_?(?=[A-Za-z])"
)
_CALLED = re.compile(rb"([A-Za-z_][A-Za-z0-9_]*)\s*\((?:[^()]|\([^()]*\))*\)\s*\Z")
_ATTRIBUTE = re.compile(rb"\.([A-Za-z_][A-Za-z0-9_]*)\s*\Z")
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_SNAKE = re.compile(r"_{0,2}[a-z0-9][a-z0-9_]*")
_PASCAL = re.compile(r"_?[A-Z][A-Za-z0-9]*")
_CAMEL = re.compile(r"[$_#]*[a-z][A-Za-z0-9]*")
# What functions and classes are to look like, where a language says so: PEP 8, RFC 430 (Rust),
# the Java and C# conventions, and the common style guides of JavaScript and Ruby.
_FUNCTIONS = {
    "python": _SNAKE, "rust": _SNAKE, "ruby": _SNAKE, "java": _CAMEL,
}  # fmt: skip
_CLASSES = dict.fromkeys(
    ("python", "rust", "ruby", "java", "c_sharp", "javascript", "typescript", "tsx"), _PASCAL
)
_REQUIRED = re.compile(r"__\w+__|setUp\w*|tearDown\w*|assert[A-Z]\w*|visit_\w+|do_[A-Z]+|log_\w+")


def find(parsed: Parsed) -> Iterator[Finding]:
    """rename_variable and improve_naming, in files that little else explains."""
    if parsed.documented is not None and parsed.documented >= DOCUMENTED:
        return
    yield from _variables(parsed)
    yield from _conventions(parsed)


def _variables(parsed: Parsed) -> Iterator[Finding]:
    functions = sorted(parsed.shape.functions, key=lambda each: each.node.start_byte)
    known: set[tuple[str, str]] = set()
    names, values = parsed.captures.get("assigned", []), parsed.captures.get("value", [])
    for name, value in zip(
        sorted(names, key=lambda each: each.start_byte),
        sorted(values, key=lambda each: each.start_byte),
        strict=False,
    ):
        text = (name.text or b"").decode(errors="replace")
        if not _says_nothing(text) or value.start_byte < name.end_byte:
            continue
        function = _around(functions, name.start_byte)
        better = _better((value.text or b"")[-200:], text)
        if function is None or not better or (function.symbol, text) in known:
            continue
        start, end = function.lines
        whole = function.node.text or b""
        if end - start < _LEAST_LINES or re.search(rb"\b%s\b" % better.encode(), whole):
            continue
        known.add((function.symbol, text))
        uses = len(re.findall(rb"\b%s\b" % re.escape(text).encode(), whole))
        yield Finding(
            "rename_variable",
            function.symbol,
            name.start_point[0] + 1,
            name.start_point[0] + 1,
            f"{text} in {function.symbol} says nothing of what it holds: {better} would",
            "readability",
            round(min(100.0, 5.0 * uses), 1),
            {
                "function": function.symbol,
                "name": text,
                "new_name": better,
                "line": name.start_point[0] + 1,
                "column": name.start_point[1],
                "uses": uses,
            },
        )


def _says_nothing(name: str) -> bool:
    return name in _SAYS_NOTHING or (len(name) <= 2 and name not in _ACCEPTED and name.islower())


def _better(value: bytes, old: str) -> str:
    """A name from what is assigned: the function that is called, or the attribute that is read."""
    found = _CALLED.search(value) or _ATTRIBUTE.search(value)
    if found is None:
        return ""
    words = _words(_VERBS.sub("", found[1].decode()))
    name = "_".join(words)
    return name if len(name) > 3 and name != old and name not in _SAYS_NOTHING else ""


def _around(functions: list[FunctionShape], at: int) -> FunctionShape | None:
    inner = None
    for each in functions:
        if each.node.start_byte > at:
            break
        if at < each.node.end_byte:
            inner = each
    return inner


def _conventions(parsed: Parsed) -> Iterator[Finding]:
    language = parsed.language
    for kind, shapes, wanted in (
        ("function", parsed.shape.functions, _FUNCTIONS.get(language)),
        ("class", parsed.shape.classes, _CLASSES.get(language)),
    ):
        for shape in shapes:
            name = shape.name.split("<")[0].rpartition("::")[2]
            if wanted is None or not name.isidentifier() or _REQUIRED.fullmatch(name):
                continue
            if wanted.fullmatch(name) or shape.node.type == "impl_item":
                continue
            better = _styled(name, wanted)
            if better == name:
                continue
            start, end = shape.lines
            public = is_public(shape.node, name, language)
            yield Finding(
                "improve_naming",
                name,
                start,
                end,
                f"The {kind} {name} is not named as {language} names them: {better} would be",
                "readability",
                25.0,
                {"kind": kind, "name": name, "new_name": better, "line": start, "public": public},
            )


def _styled(name: str, wanted: re.Pattern[str]) -> str:
    head = name[: len(name) - len(name.lstrip("_"))]
    words = _words(name)
    if not words:
        return name
    if wanted is _SNAKE:
        return head + "_".join(words)
    joined = "".join(word.capitalize() for word in words)
    return head + (joined if wanted is _PASCAL else joined[:1].lower() + joined[1:])


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]
