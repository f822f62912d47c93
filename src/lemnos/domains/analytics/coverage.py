"""One coverage of each file, out of all that was found and sent. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lemnos.domains.analytics.matching import matched
from lemnos.domains.analytics.model import FileCoverage, Measurement
from lemnos.domains.analytics.ports import CoverageReport, Lines

_SHOWN = 12  # digits of a commit


@dataclass(frozen=True, slots=True)
class Tree:
    """The repository that coverage is told of: its files, where it is, and its commit.

    ``lengths`` are lines of files, where they are known; ``committed_at`` in microseconds.
    """

    files: Collection[str]
    root: str
    commit: str
    committed_at: int
    lengths: Mapping[str, int] = field(default_factory=dict)


def merged(
    reports: Sequence[CoverageReport], sent: Sequence[Measurement], tree: Tree
) -> tuple[dict[str, FileCoverage], list[str]]:
    """The coverage of each file that is known, and warnings.

    Coverage files lie side by side and count together, line by line. Between them and each of
    those that were ``sent``, what was measured on the very commit counts first, then the newest.
    """
    found, warnings = _of_reports(reports, tree)
    newest = max((report.measured_at for report in reports), default=0)
    layers = [((False, newest), found)]
    for each in sent:
        content, said = _of_measurement(each, tree)
        layers.append(((each.commit == tree.commit, each.measured_at), content))
        warnings += said
    coverage: dict[str, FileCoverage] = {}
    for _, layer in sorted(layers, key=lambda one: one[0]):  # the best one last
        coverage |= layer
    return coverage, warnings


def _of_reports(
    reports: Sequence[CoverageReport], tree: Tree
) -> tuple[dict[str, FileCoverage], list[str]]:
    lines: dict[str, Lines] = {}
    warnings = []
    for report in reports:
        roots = (*report.roots, *_folders(report.name))
        at = matched(report.files, tree.files, roots, tree.root)
        if not at:
            warnings.append(_foreign(report))
            continue
        changed = _add(lines, report, at, tree.lengths)
        warnings += _doubts(report, changed, tree)
    return {path: _counted(each) for path, each in lines.items()}, warnings


def _add(
    lines: dict[str, Lines],
    report: CoverageReport,
    at: Mapping[str, str],
    lengths: Mapping[str, int],
) -> int:
    """Add what a report tells of each file; how many do not count, as they are shorter by now."""
    changed = 0
    for reported, path in at.items():
        told = report.files[reported]
        if told.runnable.bit_length() - 1 > lengths.get(path, told.runnable.bit_length()):
            changed += 1
            continue
        seen = lines.get(path)
        lines[path] = told if seen is None else seen.joined(told)
    return changed


def _foreign(report: CoverageReport) -> str:
    if not report.files:
        return f"{report.name} is not used: it tells of no file that is there."
    return (
        f"{report.name} is not used: it is of another project, as hardly any of its "
        f"{len(report.files)} files is in this repository."
    )


def _doubts(report: CoverageReport, changed: int, tree: Tree) -> Iterator[str]:
    if changed:
        yield (
            f"{report.name} tells of lines that {changed} of its files do not have at this "
            "commit; their coverage is not used."
        )
    if report.measured_at < tree.committed_at:
        yield f"{report.name} is older than the commit: run the tests again for current figures."


def _of_measurement(
    sent: Measurement, tree: Tree
) -> tuple[dict[str, FileCoverage], tuple[str, ...]]:
    at = matched(sent.content, tree.files, (sent.workspace,), tree.root)
    if not at:
        return {}, (
            f"Coverage by {sent.source} is not used: its files are not in this repository.",
        )
    content = {path: FileCoverage(*sent.content[reported]) for reported, path in at.items()}
    if sent.commit and sent.commit != tree.commit:
        text = f"Coverage by {sent.source} is of commit {sent.commit[:_SHOWN]}, not of this one."
        return content, (text,)
    return content, ()


def _counted(lines: Lines) -> FileCoverage:
    covered = lines.covered & lines.runnable
    return FileCoverage(covered.bit_count(), lines.runnable.bit_count())


def _folders(name: str) -> Iterator[str]:
    """The folders that a report lies in, the innermost first: what its paths are relative to."""
    folder = posixpath.dirname(name)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
