"""What was formatted, or had its imports in order, before a change, is so after it as well."""

from __future__ import annotations

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.tree import Tree


def keep_tidy(tree: Tree) -> None:
    """Format the changed Python files and sort their imports, if they were so before."""
    for path, before in tree.touched().items():
        if not path.endswith((".py", ".pyi")):
            continue
        text = now = tree.read(path)
        if ruff.fixed(tree.root, path, before, "I") == before:
            text = ruff.fixed(tree.root, path, text, "I") or text
        if ruff.formatted(tree.root, path, before) == before:
            text = ruff.formatted(tree.root, path, text) or text
        if text != now:
            tree.write(path, text)
