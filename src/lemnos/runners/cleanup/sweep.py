"""One walk through a folder that removes what is rubbish in it.

All that is done is relative to open folders, and none is opened through a link; so whatever is
swapped for a link meanwhile, nothing outside is reached. There is no recursion, and only some
folders are open at a time: trees may be deeper than the stack, the longest path and the number of
descriptors allow.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence, Set

from lemnos.domains.cleanup.model import Category, Problem, Reason, Removed, Skipped
from lemnos.kernel.errors import LemnosError
from lemnos.runners.cleanup.folder import Folder, Gone, Inner
from lemnos.runners.cleanup.hands import Hands
from lemnos.runners.cleanup.pace import Pace
from lemnos.runners.cleanup.root import Identity, identity
from lemnos.runners.cleanup.rubbish import Rules, is_package, kept_whole
from lemnos.runners.cleanup.watch import Watch

_OPEN = 32  # folders above the present one that stay open
_LISTINGS = 5  # how often a folder that somebody goes on filling is tried

_GONE = frozenset({errno.ENOENT, errno.ESTALE})
_SWAPPED = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EISDIR})
_FILLED = frozenset({errno.ENOTEMPTY, errno.EEXIST})


class Sweep:
    """Call :meth:`run` once; ``removed``, ``skipped`` and ``errors`` are what came of it."""

    def __init__(
        self,
        rules: Rules,
        hands: Hands,
        keepers: Mapping[Identity, Reason],
        watch: Watch,
        pace: Pace,
    ) -> None:
        self._rules = rules
        self._hands = hands
        self._keepers = keepers
        self._watch = watch
        self._pace = pace
        self._stack: list[Folder] = []
        self.removed: list[Removed] = []
        self.skipped: list[Skipped] = []
        self.errors: list[Problem] = []

    def run(self, fd: int) -> None:
        """Clean below an open folder, whose descriptor is closed in the end. Blocks."""
        root = Folder(fd, "", None, self._watch.tracked)
        self._stack = [root]
        try:
            self._list(root, root=True)
            self._walk()
        except OSError as error:
            self._failed(root, ".", None, error)
        except LemnosError as error:  # what git tracks can no longer be told
            self.errors.append(Problem(".", error.message))
        finally:
            while self._stack:
                self._settle()

    def _walk(self) -> None:
        while True:
            top = self._stack[-1]
            self._pace.step(self._stack)
            if top.inner:
                self._enter(top, top.inner.pop())
            elif len(self._stack) > 1:
                self._leave(top, self._stack[-2])
            else:
                return

    # --- down: what is in a folder -----------------------------------------------------------

    def _enter(self, parent: Folder, inner: Inner) -> None:
        try:
            folder = parent.enter(inner)
        except OSError as error:
            self._failed(parent, inner.name + "/", inner.category, error)
            return
        self._stack.append(folder)
        if len(self._stack) > _OPEN + 1:
            self._stack[-_OPEN - 1].close()
        self._look(folder, parent)

    def _look(self, folder: Folder, parent: Folder) -> None:
        """Clean a folder, the last of the stack, but for the folders in it."""
        try:
            reason = self._reason_to_keep(folder) or self._list(folder)
        except OSError as error:
            self._failed(parent, folder.name + "/", folder.category, error)
            self._settle()
        else:
            if reason is not None:
                self._keep(parent, folder.name + "/", reason)
                self._settle()

    def _reason_to_keep(self, folder: Folder) -> Reason | None:
        """Why a folder stays whole, as far as that can be told from outside."""
        if folder.found.st_dev != self._stack[0].found.st_dev:
            return Reason.OTHER_FILE_SYSTEM
        if folder.tracked is not None and folder.tracked.itself is not None:
            return folder.tracked.itself
        return self._keepers.get(identity(folder.found))

    def _list(self, folder: Folder, *, root: bool = False) -> Reason | None:
        """Remove the files that have to go, and note the folders; or say why it stays whole."""
        self._watch.refresh(self._stack)
        entries = folder.names()
        names = {entry.name for entry in entries}
        if not root:
            reason = kept_whole(folder.name, names)
            if reason is not None:
                return reason
            if self._is_source(folder, names):
                folder.category = None
        if folder.category is None:
            self._search(folder, entries, names)
        else:
            self._empty(folder, entries, folder.category)
        folder.total += len(folder.inner)
        folder.inner.reverse()  # the last one is entered first
        return None

    def _is_source(self, folder: Folder, names: Set[str]) -> bool:
        outermost = self._stack[-2].category is None
        output = folder.category is Category.BUILD_OUTPUT and folder.listings == 1
        return output and outermost and is_package(names)

    def _search(self, folder: Folder, entries: Sequence[os.DirEntry[str]], names: Set[str]) -> None:
        """A folder that stays: what in it is rubbish?"""
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if name != ".git":
                    folder.inner.append(Inner(name, self._rules.folder(name, names)))
            elif entry.is_symlink():
                if self._rules.file(name) or self._rules.folder(name, names):
                    self._keep(folder, name, Reason.SYMLINK)
            elif category := self._rules.file(name):
                self._search_found(folder, entry, category)

    def _search_found(self, folder: Folder, entry: os.DirEntry[str], category: Category) -> None:
        if folder.tracked is not None and folder.tracked.get(entry.name) is not None:
            self._keep(folder, entry.name, Reason.TRACKED)
        elif gone := self._unlink(folder, entry, category):
            self.removed.append(Removed(self._path(folder, gone.name), category, 1, gone.size))

    def _empty(
        self, folder: Folder, entries: Sequence[os.DirEntry[str]], category: Category
    ) -> None:
        """A folder that goes: all in it is rubbish but what git tracks."""
        tracked = folder.tracked
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folder.inner.append(Inner(entry.name, category))
            elif tracked is not None and tracked.get(entry.name) is not None:
                folder.kept = folder.holds_tracked = True
            elif gone := self._unlink(folder, entry, category):
                folder.gone.append(gone)

    def _unlink(self, folder: Folder, entry: os.DirEntry[str], category: Category) -> Gone | None:
        self._pace.check()
        try:
            found = entry.stat(follow_symlinks=False)
            reason = self._keepers.get(identity(found))
            if reason is not None:
                self._keep(folder, entry.name, reason)
                return None
            size = self._hands.unlink(folder, entry.name, found)
        except OSError as error:
            self._failed(folder, entry.name, category, error)
            return None
        self._pace.count()
        return Gone(entry.name, 1, size)

    # --- up: the folder itself ---------------------------------------------------------------

    def _leave(self, folder: Folder, parent: Folder) -> None:
        """All in the last folder of the stack is done."""
        if not parent.is_open and not parent.reopen(folder):
            self._lose()
        elif folder.category is None or folder.kept:
            self._settle()
        else:
            self._remove(folder, parent)

    def _remove(self, folder: Folder, parent: Folder) -> None:
        try:
            freed = self._hands.rmdir(parent, folder)
        except OSError as error:
            if error.errno in _FILLED and folder.listings < _LISTINGS:
                self._look(folder, parent)  # what is new in it is judged like the rest
                return
            if error.errno in _FILLED:
                self._keep(parent, folder.name + "/", Reason.CHANGED)
            self._failed(parent, folder.name + "/", folder.category, error)
            self._settle()
            return
        self._stack.pop().close()
        self._account(folder, parent, freed)

    def _account(self, folder: Folder, parent: Folder, freed: int) -> None:
        """A folder has gone with all that was in it: that is one entry."""
        assert folder.category is not None  # no other is removed
        files = sum(gone.files for gone in folder.gone)
        size = sum(gone.size for gone in folder.gone) + freed
        if parent.category is not None:
            parent.gone.append(Gone(folder.name + "/", files, size))
        else:
            path = self._path(parent, folder.name + "/")
            self.removed.append(Removed(path, folder.category, files, size))

    def _settle(self) -> None:
        """The last folder of the stack stays; what has gone from it gets entries of its own."""
        folder = self._stack[-1]
        if folder.category is not None:
            within = self._path(folder, "")
            self.removed += (
                Removed(within + gone.name, folder.category, gone.files, gone.size)
                for gone in folder.gone
            )
            self._tell_tracked(folder, self._stack[-2])
        self._stack.pop().close()

    def _tell_tracked(self, folder: Folder, parent: Folder) -> None:
        """Folders around one that stays must stay too; the outermost is told of."""
        if parent.category is not None:
            parent.kept = True
            parent.holds_tracked |= folder.holds_tracked
        elif folder.holds_tracked:
            self.skipped.append(Skipped(self._path(parent, folder.name + "/"), Reason.TRACKED))

    def _lose(self) -> None:
        """A folder above was moved while it was not open: what was being cleaned is elsewhere."""
        while not self._stack[-2].is_open:
            self._settle()
        self._keep(self._stack[-2], self._stack[-1].name + "/", Reason.CHANGED)
        self._settle()

    # --- the manifest ------------------------------------------------------------------------

    def _keep(self, folder: Folder, name: str, reason: Reason) -> None:
        folder.kept = True
        self.skipped.append(Skipped(self._path(folder, name), reason))

    def _failed(self, folder: Folder, name: str, category: Category | None, error: OSError) -> None:
        """What has gone by itself is no error, and what is no longer what it was is left."""
        if error.errno in _GONE or error.errno in _FILLED:
            return
        if error.errno in _SWAPPED:
            # In a folder that goes it is found again when that turns out not to be empty.
            if category is not None and folder.category is None:
                self._keep(folder, name, Reason.CHANGED)
            return
        folder.kept = True
        problem = error.strerror or str(error)
        self.errors.append(Problem(self._path(folder, name), problem))

    def _path(self, folder: Folder, name: str) -> str:
        """The path from the root of something in a folder of the stack."""
        above = self._stack[1 : self._stack.index(folder) + 1]
        return "/".join((*(each.name for each in above), name))
