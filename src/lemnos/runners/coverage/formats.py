"""The formats of coverage files, each from its bytes to lines by path.

A broken file raises one of ``BROKEN``; entities in XML are refused (defusedxml).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from lemnos.domains.analytics.ports import Lines
from lemnos.kernel.errors import LemnosError

MAX_LINE = 1_000_000


class Broken(LemnosError):
    """This is not what its name says."""


BROKEN = (
    *(Broken, ParseError, DefusedXmlException, msgspec.MsgspecError),
    *(ValueError, KeyError, TypeError, AttributeError, LookupError, RecursionError),
)


class Read(msgspec.Struct):
    """A coverage file as it was read; see ``analytics.ports.CoverageReport``."""

    files: dict[str, Lines] = {}
    roots: tuple[str, ...] = ()

    def add(self, path: str, covered: Iterable[int], runnable: Iterable[int]) -> None:
        """One file, or more of it."""
        lines = Lines(bits(covered), bits(runnable))
        seen = self.files.get(path)
        self.files[path] = lines if seen is None else seen.joined(lines)


def bits(lines: Iterable[int]) -> int:
    """Line numbers as a set of bits."""
    numbers = [int(line) for line in lines]
    highest = max(numbers, default=0)
    if highest > MAX_LINE or min(numbers, default=0) < 0:
        raise Broken("It tells of lines that no file has.")
    field = bytearray(highest // 8 + 1)
    for number in numbers:
        field[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(field, "little")


def read_json(content: bytes) -> Read:
    """``coverage json`` of coverage.py, or ``coverage-final.json`` of Istanbul, nyc and vitest."""
    document = msgspec.json.decode(content)
    if not isinstance(document, dict):
        raise Broken("It is not an object.")
    if "files" in document and "meta" in document:
        return _coverage_py(document["files"])
    return _istanbul(document)


def _coverage_py(files: Mapping[str, Any]) -> Read:
    read = Read()
    for path, said in files.items():
        executed, missing = said["executed_lines"], said["missing_lines"]
        read.add(path, executed, [*executed, *missing])
    return read


def _istanbul(files: Mapping[str, Any]) -> Read:
    """A line counts as run if any statement that begins on it has."""
    read = Read()
    for path, said in files.items():
        counts = said["s"]
        starts = {key: place["start"]["line"] for key, place in said["statementMap"].items()}
        covered = [line for key, line in starts.items() if counts.get(key)]
        read.add(said.get("path") or path, covered, starts.values())
    return read


def read_xml(content: bytes) -> Read:
    """Cobertura's format, which coverage.py, PHPUnit, coverlet, gcovr and many others write."""
    read = Read()
    roots: list[str] = []
    begun = False
    for event, element in iterparse(io.BytesIO(content), events=("start", "end")):
        if not begun:
            if element.tag != "coverage":
                raise Broken("It is not in Cobertura's format.")
            begun = True
        if event == "end" and element.tag == "source" and element.text:
            roots.append(element.text.strip())
        elif event == "end" and element.tag == "class":
            _cobertura_class(read, element)
            element.clear()
    read.roots = tuple(roots)
    return read


def _cobertura_class(read: Read, element: Element) -> None:
    covered, runnable = [], []
    for line in element.iter("line"):
        number = int(line.attrib["number"])
        runnable.append(number)
        if int(line.attrib["hits"]) > 0:
            covered.append(number)
    read.add(element.attrib["filename"], covered, runnable)


def read_lcov(content: bytes) -> Read:
    """LCOV's tracefile, see geninfo(1): ``SF:path``, ``DA:line,hits``, ``end_of_record``."""
    read = Read()
    path = ""
    covered: list[int] = []
    runnable: list[int] = []
    for line in content.splitlines():
        key, _, value = line.strip().partition(b":")
        if key == b"SF":
            path, covered, runnable = value.decode(errors="replace"), [], []
        elif key == b"DA":
            number, hits = value.split(b",")[:2]
            runnable.append(int(number))
            if int(hits) > 0:
                covered.append(int(number))
        elif key == b"end_of_record" and path:
            read.add(path, covered, runnable)
            path = ""
    if not read.files:
        raise Broken("It has no record of a file.")
    return read


def reader_of(name: str) -> Callable[[bytes], Read]:
    """The reader for a file of this name; not for coverage.py's data files."""
    if name.endswith(".json"):
        return read_json
    return read_xml if name.endswith(".xml") else read_lcov
