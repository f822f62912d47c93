"""SARIF, JUnit and the baseline, as files."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from lemnos.cli.errors import WrongUsage
from lemnos.cli.gates.files import baseline_to_write, write_reports
from lemnos.cli.gates.place import Place
from lemnos.domains.quality.baseline import Baseline
from lemnos.domains.quality.model import Finding, GateReport, Verdict
from tests.unit.cli.gates.reports import gate, report

_A, _B = (Finding("E1", name, path="a.py", fingerprint=name) for name in "ab")


def _found(*findings: Finding) -> GateReport:
    verdict = Verdict.FAILED if findings else Verdict.PASSED
    return GateReport((gate("lint", verdict, *findings),))


def test_reports_are_written_where_they_are_wanted(tmp_path):
    made = report(gate("lint", Verdict.FAILED, _A))
    write_reports(made, str(tmp_path), tmp_path / "out.sarif", tmp_path / "out.xml")
    log = json.loads((tmp_path / "out.sarif").read_text())
    assert log["runs"][0]["results"][0]["ruleId"] == "E1"
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"
    write_reports(made, str(tmp_path), None, None)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_baseline_is_set_and_then_only_shrinks(tmp_path):
    where = Place(tmp_path)
    kept = baseline_to_write(where, "", True, False)
    assert kept is not None
    judged, told = kept.follow(_found(_A, _B))
    assert judged.success
    assert told == "lemnos-baseline.json: 2 findings; 0 gone, 2 new."

    kept = baseline_to_write(where, "", False, True)
    assert kept is not None
    new = Finding("E2", "new", path="b.py", fingerprint="new")
    judged, told = kept.follow(_found(_A, new))
    assert not judged.success
    assert told == "lemnos-baseline.json: 1 finding; 1 gone, 0 new."
    assert Baseline.load(tmp_path / "lemnos-baseline.json").keys == {("lint", "a")}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("lemnos.toml", '[gates]\nbaseline = "debt.json"\n'),
        ("pyproject.toml", '[tool.lemnos.gates]\nbaseline = "debt.json"\n'),
    ],
)
def test_the_project_names_its_baseline(tmp_path, file, content):
    (tmp_path / file).write_text(content)
    kept = baseline_to_write(Place(tmp_path), "", True, False)
    assert kept is not None
    assert kept.name == "debt.json"
    assert (tmp_path / "debt.json").exists()


def test_there_is_nothing_to_tighten_without_a_baseline(tmp_path):
    with pytest.raises(WrongUsage, match="--set-baseline makes it"):
        baseline_to_write(Place(tmp_path), "", False, True)
    with pytest.raises(WrongUsage, match="no folder"):
        baseline_to_write(Place(tmp_path), "none/debt.json", True, False)
    assert baseline_to_write(Place(tmp_path), "", False, False) is None
