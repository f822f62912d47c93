"""Makes Python of ``proto/`` while the project is built or installed: a build hook of Hatch.

What it writes (modules, and stubs for type checkers) is in the wheel and not in git.
"""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "lemnos.grpc.generated"
_NOTE = '"""Made from proto/ by tools/build_protos.py; not to be edited."""\n'


class ProtoBuildHook(BuildHookInterface[BuilderConfig]):
    """Runs before each build, of an editable install too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the package anew. Raises RuntimeError for a .proto that is not valid."""
        root = Path(self.root)
        build(root / "proto", root / "src" / Path(*PACKAGE.split(".")))


def build(source: Path, target: Path) -> None:
    """Make a package of all ``.proto`` files below ``source``.

    It takes the place of an earlier one when it is complete: what is there works until then.
    """
    top_levels = {folder.name for folder in source.iterdir() if folder.is_dir()}
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        made = Path(scratch) / target.name
        made.mkdir()
        compile_protos(source, made)
        for module in made.rglob("*_pb2*.py*"):
            module.write_text(rooted(module.read_text(), top_levels))
        for folder in (made, *(path for path in made.rglob("*") if path.is_dir())):
            (folder / "__init__.py").write_text(_NOTE)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)


def compile_protos(source: Path, target: Path) -> None:
    """Run protoc, which tells on standard error what is wrong."""
    from grpc_tools import protoc

    protos = sorted(str(file.relative_to(source)) for file in source.rglob("*.proto"))
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={source}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--python_out={target}",
            f"--pyi_out={target}",
            f"--grpc_python_out={target}",
            *protos,
        ]
    )
    if status != 0:
        raise RuntimeError(f"protoc ended with status {status}")


def rooted(code: str, top_levels: set[str]) -> str:
    """The code with imports that name the package in full.

    protoc writes them as if the folder of the ``.proto`` files were on ``sys.path``.
    """
    names = "|".join(map(re.escape, sorted(top_levels)))
    return re.sub(rf"^from ({names})\b", rf"from {PACKAGE}.\1", code, flags=re.MULTILINE)
