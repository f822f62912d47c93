"""One coverage of each file, out of several measurements."""

from __future__ import annotations

from lemnos.domains.analytics.coverage import Tree, merged
from lemnos.domains.analytics.model import FileCoverage, Kind, Measurement
from lemnos.domains.analytics.ports import CoverageReport, Lines

TREE = Tree({"a.py", "b.py"}, "/here", "c" * 40, committed_at=100, lengths={"a.py": 10})


def lines(covered: set[int], runnable: set[int]) -> Lines:
    """Sets of lines as bits."""
    return Lines(sum(1 << n for n in covered), sum(1 << n for n in runnable))


def report(name: str, at: int = 200, **files: Lines) -> CoverageReport:
    """A coverage file of Python modules."""
    return CoverageReport(name, at, {f"{stem}.py": each for stem, each in files.items()})


def sent(commit: str, at: int, **files: tuple[int, int]) -> Measurement:
    """What a CI server has measured."""
    content = {f"{stem}.py": each for stem, each in files.items()}
    return Measurement("/here", Kind.COVERAGE, "ci", commit, content, at)


def test_reports_count_together_line_by_line():
    reports = [
        report("unit.xml", a=lines({1, 2}, {1, 2, 3, 4})),
        report("e2e.xml", a=lines({2, 3}, {1, 2, 3, 4}), b=lines(set(), {1})),
    ]
    found, warnings = merged(reports, [], TREE)
    assert found == {"a.py": FileCoverage(3, 4), "b.py": FileCoverage(0, 1)}
    assert warnings == []


def test_a_report_of_another_project_is_not_used():
    found, (warning,) = merged([report("coverage.xml", z=lines({1}, {1}))], [], TREE)
    assert found == {}
    assert "another project" in warning


def test_a_file_that_is_shorter_now_does_not_count():
    found, (warning,) = merged([report("coverage.xml", a=lines({1}, {1, 11}))], [], TREE)
    assert found == {}
    assert "do not have at this commit" in warning


def test_what_is_older_than_the_commit_is_told():
    found, (warning,) = merged([report("coverage.xml", 99, a=lines({1}, {1}))], [], TREE)
    assert found == {"a.py": FileCoverage(1, 1)}
    assert "older than the commit" in warning


def test_what_was_sent_of_the_commit_counts_before_files():
    reports = [report("coverage.xml", a=lines({1}, {1}), b=lines({1}, {1}))]
    found, warnings = merged(reports, [sent(TREE.commit, 50, a=(2, 8))], TREE)
    assert found == {"a.py": FileCoverage(2, 8), "b.py": FileCoverage(1, 1)}
    assert warnings == []


def test_what_was_sent_of_another_commit_counts_if_it_is_newer():
    reports = [report("coverage.xml", a=lines({1}, {1}))]
    newer, (warning,) = merged(reports, [sent("d" * 40, 300, a=(2, 8))], TREE)
    assert newer == {"a.py": FileCoverage(2, 8)}
    assert "of commit dddddddddddd" in warning
    older, _ = merged(reports, [sent("d" * 40, 150, a=(2, 8), b=(1, 2))], TREE)
    assert older == {"a.py": FileCoverage(1, 1), "b.py": FileCoverage(1, 2)}


def test_what_was_sent_of_other_files_is_not_used():
    found, (warning,) = merged([], [sent(TREE.commit, 300, z=(2, 8))], TREE)
    assert found == {}
    assert "not in this repository" in warning
