"""A report as SARIF, as JUnit XML, as feedback to an agent and as Markdown."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import jsonschema
import pytest
from junitparser import JUnitXml

from lemnos.domains.quality.feedback import feedback, summary
from lemnos.domains.quality.junit import junit_xml
from lemnos.domains.quality.model import Finding, GateReport, GateResult, Level, Verdict
from lemnos.domains.quality.plain import place_of, plain_report, sarif_result
from lemnos.domains.quality.sarif import sarif_log
from tests.support.packages import npm

# Its archive holds OASIS's schema of SARIF 2.1.0.
SCHEMA = ("@microsoft/jest-sarif@1.0.0-beta.0", "lib/schemas/sarif-2.1.0-rtm.5.json")

NEW = Finding("F401", "`os` is unused | @all #1 <b>", Level.ERROR, "app/[id]/a b.py", 3, 5,
              fingerprint="f1", fixable=True)  # fmt: skip
KNOWN = Finding("E501", "too long", Level.WARNING, "b.py", 9, fingerprint="f2", known=True)
REPORT = GateReport(
    (
        GateResult("lint", Verdict.FAILED, "1 error.", 1.5, "ruff", "0.17.0",
                   ("ruff", "check", "a b.py"), (NEW, KNOWN)),
        GateResult("types", Verdict.MISSING_TOOL, "mypy is missing: run `pip install mypy`"),
        GateResult("tests", Verdict.FAILED, "1 failed.", 2.0, "pytest", "9.2",
                   findings=(Finding("test_a", "assert 1 == 2", path="t.py", line=4),),
                   output="\x1b[31mFAILED\x1b[0m t.py::test_a\x00"),
        GateResult("audit", Verdict.UNKNOWN, "the database is away", optional=True),
        GateResult("yaml", Verdict.PASSED, "No findings.", tool="yamllint"),
        GateResult("workflow", Verdict.NOT_APPLICABLE, "There is nothing to judge."),
        GateResult("drift", Verdict.NOT_RUN, "an earlier gate failed"),
    ),
    4.0,
)  # fmt: skip


def test_sarif_is_valid_by_its_official_schema() -> None:
    package, path = SCHEMA
    schema = json.loads((npm(package) / path).read_text())

    for report in (REPORT, GateReport(())):
        log = sarif_log(report, root="/srv/a project", version="1.0")
        jsonschema.validate(log, schema, cls=jsonschema.Draft7Validator)


def test_sarif_tells_tools_rules_places_and_what_is_known() -> None:
    lint = sarif_log(REPORT, root="/srv/a project", version="1.0")["runs"][0]

    driver = lint["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("ruff", "0.17.0")
    assert [rule["id"] for rule in driver["rules"]] == ["E501", "F401"]
    assert lint["originalUriBaseIds"]["%SRCROOT%"]["uri"] == "file:///srv/a%20project/"
    assert lint["invocations"][0]["commandLine"] == "ruff check 'a b.py'"
    new, known = lint["results"]
    assert (new["baselineState"], known["baselineState"]) == ("new", "unchanged")
    assert new["partialFingerprints"] == {"lemnos/v1": "f1"}
    location = new["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {
        "uri": "app/%5Bid%5D/a%20b.py",
        "uriBaseId": "%SRCROOT%",
    }
    assert location["region"] == {"startLine": 3, "startColumn": 5}


def test_sarif_says_which_gates_gave_no_verdict_and_why() -> None:
    runs = sarif_log(REPORT, version="1.0")["runs"]

    successful = {
        run["properties"]["gate"]: run["invocations"][0]["executionSuccessful"] for run in runs
    }
    assert successful == {
        "lint": True, "types": False, "tests": True, "audit": False, "yaml": True,
        "workflow": True, "drift": False,
    }  # fmt: skip
    notification = runs[1]["invocations"][0]["toolExecutionNotifications"][0]
    assert "pip install mypy" in notification["message"]["text"]
    assert len({run["automationDetails"]["id"] for run in runs}) == len(runs)


def test_a_place_survives_its_way_through_sarif() -> None:
    assert place_of(sarif_result(NEW)) == ("app/[id]/a b.py", 3)
    assert place_of(sarif_result(Finding("r", "m"))) == ("", None)


def test_junit_has_a_suite_for_each_gate() -> None:
    xml = JUnitXml.fromstring(junit_xml(REPORT).decode())

    counts = {
        suite.name: (suite.tests, suite.failures, suite.errors, suite.skipped) for suite in xml
    }
    assert counts == {
        "lint": (2, 1, 0, 1), "types": (1, 0, 1, 0), "tests": (1, 1, 0, 0),
        "audit": (1, 0, 0, 1), "yaml": (1, 0, 0, 0), "workflow": (1, 0, 0, 1),
        "drift": (1, 0, 0, 1),
    }  # fmt: skip


@pytest.mark.parametrize("unfit", ["\x00", "\x1b[31m", "\ufffe", "]]>", "<&\"'", "\ud800"])
def test_junit_is_xml_whatever_tools_say(unfit: str) -> None:
    crashed = GateResult("lint", Verdict.CRASHED, f"a{unfit}b", output=f"c{unfit}d")

    ElementTree.fromstring(junit_xml(GateReport((crashed,))))


def test_feedback_tells_what_blocks_and_how_to_repeat_it() -> None:
    text = feedback(REPORT)

    assert "do not let your change through: lint, types, tests, drift." in text
    assert "## lint: failed (ruff 0.17.0)" in text
    assert "To repeat it: ruff check 'a b.py'" in text
    assert "app/[id]/a b.py\n  3:5 F401 `os` is unused" in text
    assert "(its tool can fix it)" in text
    assert "pip install mypy" in text
    assert "    FAILED t.py::test_a" in text
    assert "noqa" in text
    assert "baseline" in text
    for absent in ("E501", "the database is away", "\x1b"):  # known, optional, colours
        assert absent not in text


def test_feedback_is_bounded_and_counts_the_rest() -> None:
    many = tuple(Finding("R", "x" * 5000, path=f"f{i % 30}.py", line=i) for i in range(1, 1001))
    text = feedback(GateReport((GateResult("lint", Verdict.FAILED, "", findings=many),)), limit=10)

    assert text.count(" R x") == 10
    assert "990 more findings: " in text
    assert "and 20 more files" in text
    assert len(text) < 12_000


def test_there_is_no_feedback_where_nothing_blocks() -> None:
    assert feedback(GateReport((GateResult("yaml", Verdict.PASSED, ""),))) == ""


def test_a_summary_is_a_table_in_which_nothing_is_markup() -> None:
    text = summary(plain_report(REPORT))

    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(REPORT.results)
    assert rows[0] == "| `lint` | ❌ failed | 1 | 1 | 1.5 s | `1 error.` |"
    assert "❌ missing tool" in rows[1]
    assert "❌ unknown (optional)" in rows[3]
    assert "✅ passed" in rows[4]
    assert "- `lint` `app/[id]/a b.py:3` `F401` `'os' is unused | @all #1 <b>`" in text
    assert "E501" not in text


def test_a_bar_in_a_message_does_not_end_its_cell() -> None:
    for message in ("a | b", "a \\| b", "a \\\\| b"):
        plain = plain_report(GateReport((GateResult("lint", Verdict.FAILED, message),)))
        (row,) = (line for line in summary(plain).splitlines() if line.startswith("| `"))
        assert "`a \\| b`" in row


def test_a_summary_is_bounded() -> None:
    many = tuple(Finding("R", "y" * 5000, path="f.py", line=i) for i in range(1, 500))
    gates = tuple(GateResult(f"g{i}", Verdict.FAILED, "z" * 5000, findings=many) for i in range(99))
    text = summary(plain_report(GateReport(gates)))

    assert "and 59 more gates" in text
    assert f"and {99 * 499 - 20} more" in text
    assert len(text) < 20_000
