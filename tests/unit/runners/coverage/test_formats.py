"""Coverage files of each format, and those that are none."""

from __future__ import annotations

import json

import pytest

from lemnos.domains.analytics.ports import Lines
from lemnos.runners.coverage.formats import (
    BROKEN,
    bits,
    read_json,
    read_lcov,
    read_xml,
)

EXPECTED = {"src/a.py": Lines(0b0110, 0b1110)}  # lines 1 and 2 of 1 to 3

COBERTURA = b"""<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage version="7"><sources><source>/ci/w</source></sources><packages><package><classes>
<class name="a" filename="src/a.py"><methods><method><lines><line number="1" hits="1"/></lines>
</method></methods><lines><line number="1" hits="1"/><line number="2" hits="3"/>
<line number="3" hits="0"/></lines></class></classes></package></packages></coverage>"""


def test_cobertura():
    read = read_xml(COBERTURA)
    assert read.files == EXPECTED
    assert read.roots == ("/ci/w",)


def test_lcov():
    text = b"TN:\nSF:src/a.py\nFN:1,f\nDA:1,1\nDA:2,5,hash\r\nDA:3,0\nend_of_record\n"
    assert read_lcov(text).files == EXPECTED
    twice = b"SF:src/a.py\nDA:1,1\nDA:3,0\nend_of_record\nSF:src/a.py\nDA:2,1\nend_of_record\n"
    assert read_lcov(twice).files == EXPECTED


def test_coverage_py_json():
    document = {
        "meta": {"format": 3},
        "files": {"src/a.py": {"executed_lines": [1, 2], "missing_lines": [3]}},
    }
    assert read_json(json.dumps(document).encode()).files == EXPECTED


def test_istanbul_json():
    def place(line: int) -> dict[str, object]:
        return {"start": {"line": line, "column": 0}, "end": {"line": line, "column": 9}}

    document = {
        "/w/src/a.py": {
            "path": "src/a.py",
            "statementMap": {"0": place(1), "1": place(2), "2": place(2), "3": place(3)},
            "s": {"0": 4, "1": 0, "2": 1, "3": 0},
        }
    }
    assert read_json(json.dumps(document).encode()).files == EXPECTED


_LAUGHS = b"""<!DOCTYPE coverage [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;">]><coverage><source>&c;</source></coverage>"""
_OUTSIDE = b"""<!DOCTYPE coverage [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<coverage><sources><source>&x;</source></sources></coverage>"""


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_xml, b""),
        (read_xml, b"<coverage><class"),
        (read_xml, b"<html></html>"),
        (read_xml, _LAUGHS),
        (read_xml, _OUTSIDE),
        (read_xml, b'<coverage><class filename="a"><line number="x" hits="1"/></class></coverage>'),
        (read_xml, b'<coverage><class><line number="1" hits="1"/></class></coverage>'),
        (read_json, b"[]"),
        (read_json, b"{"),
        (read_json, b'{"meta": {}, "files": {"a": {}}}'),
        (read_json, b'{"meta": {}, "files": [1]}'),
        (read_json, b'{"a": 5}'),
        (read_json, b"[" * 100_000),
        (read_lcov, b"hello\n"),
        (read_lcov, b"SF:a\nDA:1\nend_of_record\n"),
        (read_lcov, b"SF:a\nDA:99999999999,1\nend_of_record\n"),
        (read_lcov, b"SF:a\nDA:-1,1\nend_of_record\n"),
    ],
)
def test_what_is_broken_or_hostile_is_refused(read, content):
    with pytest.raises(BROKEN):
        read(content)


def test_bits():
    assert bits([]) == 0
    assert bits([1, 8, 9, 9]) == (1 << 1) | (1 << 8) | (1 << 9)
