"""What a run of the gates leaves in files: SARIF, JUnit, the baseline."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lemnos
from lemnos.cli.errors import WrongUsage
from lemnos.cli.gates.verdict import Report, counted
from lemnos.domains.quality.baseline import DEFAULT_NAME, Baseline, mark, tightened, widened
from lemnos.domains.quality.model import GateReport

if TYPE_CHECKING:
    from lemnos.cli.gates.place import Place


def write_reports(report: Report, root: str, sarif: Path | None, junit: Path | None) -> None:
    """SARIF 2.1.0, as code scanning and editors read it, and JUnit XML, as CI servers do."""
    if sarif is not None:
        from lemnos.domains.quality.sarif import sarif_of_plain

        log = sarif_of_plain(report, root=root, version=lemnos.__version__)
        sarif.write_text(json.dumps(log, indent=2) + "\n")
    if junit is not None:
        from lemnos.domains.quality.junit import junit_of_plain

        junit.write_bytes(junit_of_plain(report))


def baseline_to_write(where: Place, name: str, accept: bool, tighten: bool) -> BaselineFile | None:
    """The baseline that is named, that the project configures, or that is usual; if asked for."""
    if not (accept or tighten):
        return None
    name = name or _configured(where.root) or DEFAULT_NAME
    return BaselineFile(where, name, accept=accept)


class BaselineFile:
    """The baseline of a project, about to be written after a run.

    ``accept``: it takes in all that is found; else what has been fixed is taken out, and no more.
    """

    def __init__(self, where: Place, name: str, *, accept: bool) -> None:
        """Raises ``WrongUsage`` where there is nothing to tighten."""
        self.name = name
        self._path = where.root / name
        self._files = where.files
        self._accept = accept
        if self._path.exists():
            return
        if not accept:
            raise WrongUsage(f"There is no baseline {name} yet; --set-baseline makes it.")
        if not self._path.parent.is_dir():
            raise WrongUsage(f"There is no folder {self._path.parent} for a baseline.")
        Baseline().save(self._path)  # so that the first run has one to be judged against

    def follow(self, report: GateReport) -> tuple[GateReport, str]:
        """Write it; the report as judged against it, and what to tell of the change."""
        before = Baseline.load(self._path)
        change = widened if self._accept else tightened
        after = change(before, report, changed=self._files)
        if after != before:
            after.save(self._path)
        gone, new = len(before.keys - after.keys), len(after.keys - before.keys)
        told = f"{self.name}: {counted(len(after.keys), 'finding')}; {gone} gone, {new} new."
        return replace(report, results=mark(report.results, after)), told


def _configured(root: Path) -> str:
    """``gates.baseline`` of the project; empty where it says nothing."""
    for name, keys in (("lemnos.toml", ()), ("pyproject.toml", ("tool", "lemnos"))):
        table = _table(root / name, (*keys, "gates"))
        if "baseline" in table:
            return str(table["baseline"])
    return ""


def _table(path: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    """A table of a TOML file; empty where it is not there. The run tells of what is broken."""
    try:
        found: Any = tomllib.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
