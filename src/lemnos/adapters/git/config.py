"""The environment of every git process of ours: no configuration but this is ever read.

Everything in a repository or a work tree that makes git run a program needs configuration to
do so. Here is all there is of it: system and user files are off, and what a git directory of
ours holds was written by us.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from lemnos.platform.leftovers import mark

Settings: TypeAlias = Sequence[tuple[str, str]]

_BIG_FILE = 8 << 20  # bytes from which git streams a file, and shows it as binary

_CONFIG: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.alternateRefsCommand": "true",
    "core.pager": "cat",
    "core.editor": "false",
    "core.symlinks": "true",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.quotePath": "false",
    "core.autocrlf": "false",
    "core.bigFileThreshold": str(_BIG_FILE),
    "core.compression": "1",  # speed: what we write is short-lived, or packed again by the host
    "safe.directory": "*",  # which paths may be read at all is the guard's decision
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "push.gpgSign": "false",
    "commit.gpgSign": "false",
    "transfer.bundleURI": "false",
    "fetch.unpackLimit": "1",  # keep packs: thousands of loose objects make a mirror slow
    "gc.auto": "0",  # objects of a mirror are borrowed by workspaces, so none may go
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "http.followRedirects": "false",  # also turns off alternates named by a dumb HTTP server
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "diff.renameLimit": "1000",
    "checkout.workers": str(min(4, os.cpu_count() or 1)),  # unpacking a large tree is CPU work
}

# Besides the path: where an operator names a private certificate authority.
_PASSED_ON = ("PATH", "TMPDIR", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR")

# A local remote is served by a child that git starts without our configuration, and that reads
# the remote repository's own: what could run a program there is turned off on its command line.
_SERVING = (
    "git -c 'safe.directory=*' -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true"
    " -c receive.autogc=false -c gc.auto=0 -c receive.denyCurrentBranch=refuse"
)
UPLOAD_PACK = f"--upload-pack={_SERVING} upload-pack"
RECEIVE_PACK = f"--receive-pack={_SERVING} receive-pack"


def environment(
    settings: Settings = (),
    *,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """A complete environment: nothing else is inherited.

    ``settings`` are further configuration pairs. ``git_dir`` is always one of ours; without it
    none is looked for. ``work_tree`` may be an agent's.
    """
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env |= mark() | {
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_DIR": str(git_dir) if git_dir is not None else "/nonexistent",
    }
    if work_tree is not None:
        env["GIT_WORK_TREE"] = str(work_tree)
    pairs = [*_CONFIG.items(), *settings]
    env["GIT_CONFIG_COUNT"] = str(len(pairs))
    for position, (key, value) in enumerate(pairs):
        env[f"GIT_CONFIG_KEY_{position}"] = key
        env[f"GIT_CONFIG_VALUE_{position}"] = value
    return env | dict(extra or {})
