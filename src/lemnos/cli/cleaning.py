"""Cleanups on this machine or at a server, and what people get to see of them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemnos.cli.client import Client
from lemnos.cli.errors import CommandError
from lemnos.cli.output import Output, cell, table, visible
from lemnos.cli.waiting import wait

if TYPE_CHECKING:
    from rich.console import Console

    from lemnos.cli.discovery import Server

RECORDS = "cleanups"  # the folder of the manifests, in the data folder
_LARGEST = 15  # entries that people get to see
_PROBLEMS = 20
_ENDED = frozenset({"completed", "failed", "cancelled"})


def clean_here(data: Path, out: Output, root: Path, deep: bool, dry_run: bool) -> dict[str, Any]:
    """Clean a folder of this machine and keep the manifest. Raises ``Invalid`` for a bad root."""
    from lemnos.domains.cleanup.model import plain_cleaned
    from lemnos.domains.workspaces.places import Places
    from lemnos.runners.cleanup.cleaner import FolderCleaner

    found = Places((Path("/"),), (data,), root).find(str(root), field="root")
    cleaner = FolderCleaner((data,))
    cleaned = plain_cleaned(cleaner.clean_now(found, deep_clean=deep, dry_run=dry_run))
    if not dry_run:
        out.note(f"The manifest is {_kept(data / RECORDS, cleaned)}")
    return cleaned


def clean_there(
    server: Server, out: Output, root: Path, deep: bool, dry_run: bool
) -> dict[str, Any]:
    """Let the server clean a folder that it can reach by the same path."""
    body = {"root": str(root), "deep_clean": deep, "dry_run": dry_run}
    with Client(server) as client:
        task_id = client.hephaestus.cleanup(body)["task_id"]
        ended = wait(
            out,
            lambda: client.hephaestus.task(task_id),
            lambda found: found["status"] in _ENDED,
            lambda found: f"{found['status']} ({100 * found['progress']:.0f} %)",
            hint=f"It goes on as {task_id}.",
        )
    if ended["status"] != "completed":
        raise CommandError(f"The cleanup is {ended['status']}: {ended['error'] or 'no reason'}")
    result: dict[str, Any] = ended["result"]
    return result


def print_cleaned(to: Console, cleaned: Mapping[str, Any]) -> None:
    """What went, by category and by size; what was left, and what failed."""
    manifest = cleaned["manifest"]
    if removed := manifest["removed"]:
        to.print(table("by category", ("category", ">files", ">size"), _categories(removed)))
        largest = sorted(removed, key=lambda one: -one["size"])[:_LARGEST]
        rows = [[one["path"], one["category"], one["files"], size(one["size"])] for one in largest]
        to.print(table("the largest", ("path", "category", ">files", ">size"), rows))
    _print_some(to, "left", [(one["path"], one["reason"]) for one in manifest["skipped"]], "dim")
    _print_some(to, "failed", [(one["path"], one["error"]) for one in manifest["errors"]], "red")
    done = "would go, which frees" if manifest["dry_run"] else "removed, which freed"
    files = f"{cleaned['files_deleted']:,} files {done} {size(cleaned['size_freed'])}"
    to.print(visible(f"{files} in {manifest['root']}"), style="bold", soft_wrap=True)


def size(count: int) -> str:
    """Bytes for people: ``1.5 MB``."""
    value, units = float(count), ("B", "kB", "MB", "GB", "TB")
    for unit in units[:-1]:
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} {units[-1]}"


def _categories(removed: Sequence[Mapping[str, Any]]) -> list[list[object]]:
    files: dict[str, int] = defaultdict(int)
    sizes: dict[str, int] = defaultdict(int)
    for one in removed:
        files[one["category"]] += one["files"]
        sizes[one["category"]] += one["size"]
    return [
        [name.replace("_", " "), files[name], size(sizes[name])]
        for name in sorted(sizes, key=lambda name: -sizes[name])
    ]


def _print_some(to: Console, word: str, rows: Sequence[tuple[str, str]], style: str) -> None:
    for path, why in rows[:_PROBLEMS]:
        to.print(f"{word} {cell(path)}: {cell(why.replace('_', ' '))}", style=style, soft_wrap=True)
    if (more := len(rows) - _PROBLEMS) > 0:
        to.print(f"… {more} more; --json has them all", style=style)


def _kept(folder: Path, cleaned: Mapping[str, Any]) -> Path:
    """Write the record of a cleanup, for its owner alone; never over another one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(cleaned, file, indent=2)
    return path
