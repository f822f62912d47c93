"""Fingerprints that survive moved lines, and the ratchet that is built on them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lemnos.domains.quality.baseline import (
    OMITTED,
    Baseline,
    mark,
    mark_from,
    tightened,
    widened,
)
from lemnos.domains.quality.fingerprint import SourceLines, fingerprinted
from lemnos.domains.quality.model import Finding, GateReport, GateResult, Level, Verdict
from lemnos.kernel.errors import Invalid, NotFound


def found(text: str, *lines: int, rule: str = "E1", path: str = "a.py") -> tuple[Finding, ...]:
    """Findings on lines of a file with this text, with their fingerprints."""
    findings = [Finding(rule, "wrong", path=path, line=line) for line in lines]
    return fingerprinted(findings, lambda _: text.splitlines())


def prints(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.fingerprint for finding in findings]


def result(*findings: Finding, gate: str = "lint", verdict: Verdict = Verdict.FAILED) -> GateResult:
    return GateResult(gate, verdict, "", findings=findings)


def test_a_finding_keeps_its_fingerprint_while_lines_move_and_are_indented() -> None:
    before = found("import os\nx = 1\n", 1, 2)
    after = found("# new\n\n  import   os\nif y:\n    x = 1\n", 3, 5)

    assert prints(before) == prints(after)
    assert len(set(prints(before))) == 2


def test_the_same_line_twice_is_two_findings_in_whatever_order_they_are_told() -> None:
    text = "x = 1\ny = 2\nx = 1\n"

    one, two = found(text, 1, 3)
    again_two, again_one = found(text, 3, 1)

    assert one.fingerprint != two.fingerprint
    assert (again_one.fingerprint, again_two.fingerprint) == (one.fingerprint, two.fingerprint)


def test_rule_path_and_text_tell_findings_apart() -> None:
    variants = [
        found("a\n", 1),
        found("b\n", 1),
        found("a\n", 1, rule="E2"),
        found("a\n", 1, path="b.py"),
        found("", 7),  # a line that is not there: by its message
    ]

    assert len({finding.fingerprint for (finding,) in variants}) == len(variants)


def test_a_fingerprint_that_a_checker_has_given_stays() -> None:
    (finding,) = fingerprinted([Finding("t", "m", fingerprint="own")], lambda _: ())

    assert finding.fingerprint == "own"


def test_lines_are_read_from_regular_files_of_the_tree_alone(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (tmp_path / "secret").write_text("s\n")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "a.py").write_text("x\n")
    os.mkfifo(root / "pipe")
    lines = SourceLines(root)

    assert list(lines("a.py")) == ["x"]
    assert [list(lines(path)) for path in ("link", "../secret", "pipe", "gone", "", "a\0")] == [
        []
    ] * 6


def test_a_gate_with_known_findings_alone_has_passed() -> None:
    findings = found("a\nb\n", 1, 2)
    baseline = Baseline.of([result(*findings)])

    (marked,) = mark([result(*findings)], baseline)

    assert marked.verdict is Verdict.PASSED
    assert marked.message == "No new findings; 2 known findings in the baseline."
    assert all(finding.known for finding in marked.findings)


def test_a_new_finding_fails_and_is_told_apart() -> None:
    old, new = found("a\nb\n", 1, 2)

    (marked,) = mark([result(old, new)], Baseline.of([result(old)]))

    assert marked.verdict is Verdict.FAILED
    assert [finding.known for finding in marked.findings] == [True, False]


def test_another_gate_does_not_share_what_is_known() -> None:
    findings = found("a\n", 1)

    (marked,) = mark([result(*findings, gate="types")], Baseline.of([result(*findings)]))

    assert marked.verdict is Verdict.FAILED


def test_a_new_warning_does_not_fail_a_gate_whose_errors_are_known() -> None:
    error, other = found("a\nb\n", 1, 2)
    warning = replace(other, level=Level.WARNING)

    (errors,) = mark([result(error, warning)], Baseline.of([result(error)]))
    (warnings,) = mark([result(warning)], Baseline.of([result(error)]))

    assert (errors.verdict, warnings.verdict) == (Verdict.PASSED, Verdict.FAILED)


@pytest.mark.parametrize(
    "verdict",
    [verdict for verdict in Verdict if verdict not in (Verdict.PASSED, Verdict.FAILED)],
)
def test_what_is_no_verdict_never_becomes_a_pass(verdict: Verdict) -> None:
    findings = found("a\n", 1)
    told = result(*findings, verdict=verdict)

    assert mark([told], Baseline.of([result(*findings)])) == (told,)


@pytest.mark.parametrize(
    "metadata",
    [{OMITTED: 3}, {"tools": {"ruff": {"verdict": "failed"}, "eslint": {"verdict": "crashed"}}}],
)
def test_findings_that_are_not_all_never_become_a_pass(metadata: dict[str, object]) -> None:
    findings = found("a\n", 1)
    told = replace(result(*findings), metadata=metadata)

    assert mark([told], Baseline.of([told]))[0].verdict is Verdict.FAILED


def test_a_failure_without_findings_stays_one() -> None:
    assert mark([result()], Baseline())[0].verdict is Verdict.FAILED


def test_what_the_base_has_too_is_known() -> None:
    old, new = found("a\nb\n", 1, 2)

    (same,) = mark_from([result(old)], [result(old)])
    (more,) = mark_from([result(old, new)], [result(old)])
    (crashed,) = mark_from([result(old)], [result(old, verdict=Verdict.CRASHED)])

    assert same.message == "No new findings; 1 known finding that the base has, too."
    assert [one.verdict for one in (same, more, crashed)] == ["passed", "failed", "failed"]


def test_the_ratchet_only_shrinks_unless_asked() -> None:
    fixed, kept, new = found("a\nb\nc\n", 1, 2, 3)
    baseline = Baseline.of([result(fixed, kept), result(fixed, gate="types")])
    report = GateReport((result(kept, new), result(gate="types", verdict=Verdict.CRASHED)))

    tight, wide = tightened(baseline, report), widened(baseline, report)

    types = ("types", fixed.fingerprint)  # that gate gave no verdict
    assert tight.keys == {("lint", kept.fingerprint), types}
    assert wide.keys == {*tight.keys, ("lint", new.fingerprint)}


def test_a_narrowed_run_says_nothing_of_other_files() -> None:
    (here,), (there,) = found("a\n", 1), found("a\n", 1, path="b.py")
    baseline = Baseline.of([result(here, there)])

    tight = tightened(baseline, GateReport((result(),)), changed=["a.py"])

    assert tight.keys == {("lint", there.fingerprint)}


def test_a_file_has_one_finding_a_line_in_order(tmp_path: Path) -> None:
    findings = found("a\nb\nc\n", 3, 1, 2)
    path = tmp_path / "lemnos-baseline.json"

    Baseline.of([result(*findings)]).save(path)

    lines = path.read_text().splitlines()
    entries = [json.loads(line.rstrip(",")) for line in lines[1:-1]]
    assert len(entries) == 3
    assert entries == sorted(entries, key=lambda entry: entry["fingerprint"])
    assert Baseline.load(path) == Baseline.of([result(*reversed(findings))])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"version": 2, "findings": []}',
        '{"version": 1, "findings": [{"gate": "lint"}]}',
        '{"version": 1, "findings": [], "more": 1}',
    ],
)
def test_a_baseline_that_can_not_be_read_is_no_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(content)

    with pytest.raises(Invalid) as raised:
        Baseline.load(path)

    assert "b.json" in raised.value.message
    assert "baseline" in raised.value.fields


def test_a_baseline_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Baseline.load(tmp_path / "none.json")
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("link.json", "pipe.json"):
        with pytest.raises(Invalid):
            Baseline.load(tmp_path / name)
