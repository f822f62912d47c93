"""cleanup: what operating systems leave behind goes, and nothing else; never a deep clean."""

from __future__ import annotations

from lemnos.domains.cleanup.ports import Cleaner
from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.kernel.errors import Invalid
from lemnos.runners.cleanup.cleaner import FolderCleaner
from lemnos.runners.gates.plugin import Said
from lemnos.runners.gates.project import Project

_TOLD = 200  # paths in the metadata


class CleanupGate:
    """Removes OS metadata; where nothing may be changed, it tells what it would remove."""

    gate = "cleanup"
    tool = "lemnos cleanup"
    writes = True
    cached = False

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner

    def applies(self, project: Project) -> bool:
        """Every project that holds anything."""
        return bool(project.files)

    async def judge(self, project: Project, request: GateRequest) -> Said:
        """What could not be removed is a finding."""
        dry = request.no_format
        try:
            cleaned = await self._cleaner.clean(project.root, dry_run=dry)
        except Invalid as error:
            return Said(Verdict.MISCONFIGURED, error.message)
        findings = tuple(
            Finding("not-removed", problem.error, Level.ERROR, problem.path)
            for problem in cleaned.errors
        )
        count = cleaned.files_deleted
        files = "1 file" if count == 1 else f"{count} files"
        message = f"{files} {'would be ' if dry else ''}removed." if count else "Nothing to remove."
        removed = [one.path for one in cleaned.removed]
        metadata = {
            "files_deleted": count,
            "size_freed": cleaned.size_freed,
            "removed": removed[:_TOLD],
        }
        verdict = Verdict.FAILED if findings else Verdict.PASSED
        return Said(verdict, message, findings, metadata)


def cleanup() -> CleanupGate:
    """The gate over this machine's folders."""
    return CleanupGate(FolderCleaner())
