"""A work tree's content as bytes that outlive it: a pack of what the base does not have.

Format: the tree's object id, a line feed, and a thin pack (gitformat-pack(5)), which git
compresses and stores as differences. Binary files, modes and symlinks are exact.
"""

from __future__ import annotations

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.adapters.git.errors import git_error
from lemnos.adapters.git.staging import place_of
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.errors import Invalid, TooLarge


async def pack(git: GitCommands, checkout: Checkout, tree: str, limit: int) -> bytes:
    """The snapshot of a staged tree. Raises ``TooLarge`` over ``limit`` bytes."""
    packed = await git.attempt(
        *("pack-objects", "--quiet", "--revs", "--thin", "--stdout", "--delta-base-offset"),
        at=Place(checkout.git_dir),
        stdin=f"{tree}\n^{checkout.base}\n".encode(),
        limit=limit,
    )
    if packed.cut:
        raise TooLarge(
            f"The changes are larger than {limit >> 20} MB, too large to be kept.",
            code="snapshot_too_large",
        )
    if packed.code != 0:
        raise git_error(packed.stderr)
    return f"{tree}\n".encode() + packed.stdout


async def unpack(git: GitCommands, checkout: Checkout, snapshot: bytes) -> None:
    """Write a snapshot's objects into our git directory, and its files into the tree."""
    tree, separator, packed = snapshot.partition(b"\n")
    if not separator or len(tree) not in (40, 64):
        raise Invalid("This is not a snapshot of a work tree.", code="bad_snapshot")
    await git.run(
        *("index-pack", "--stdin", "--fix-thin"), at=Place(checkout.git_dir), stdin=packed
    )
    await git.run("read-tree", "--reset", "-u", tree.decode(), at=place_of(checkout))
