"""What the build makes of ``.proto`` files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.build_protos import PACKAGE, build

ROOT = Path(__file__).parents[3]
INSTALLED = ROOT / "src" / Path(*PACKAGE.split("."))


def texts(folder: Path) -> dict[str, str]:
    """The files that the build makes, by path; what Python has compiled is not among them."""
    files = [*folder.rglob("*.py"), *folder.rglob("*.pyi")]
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_what_is_installed_is_made_of_what_is_there(tmp_path: Path) -> None:
    build(ROOT / "proto", tmp_path / "generated")
    assert texts(tmp_path / "generated") == texts(INSTALLED), "proto/ has changed: run make setup"


def test_a_build_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    target = tmp_path / "generated"
    target.mkdir()
    (target / "gone.py").touch()
    source = tmp_path / "proto" / "forge" / "v1"
    source.mkdir(parents=True)
    (source / "a.proto").write_text('syntax = "proto3"; package forge.v1; message A {}')
    (source / "b.proto").write_text(
        'syntax = "proto3"; package forge.v1; import "forge/v1/a.proto"; message B { A a = 1; }'
    )
    build(tmp_path / "proto", target)
    assert not (target / "gone.py").exists()
    modules = {path for path in texts(target) if path.endswith(".py")}
    pairs = {f"forge/v1/{name}{end}.py" for name in "ab" for end in ("_pb2", "_pb2_grpc")}
    packages = {"__init__.py", "forge/__init__.py", "forge/v1/__init__.py"}
    assert modules == pairs | packages
    assert f"from {PACKAGE}.forge.v1 import a_pb2" in (target / "forge/v1/b_pb2.py").read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_is_not_valid_ends_the_build_and_leaves_what_was_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "generated"
    target.mkdir()
    (target / "kept.py").touch()
    (tmp_path / "proto").mkdir()
    (tmp_path / "proto" / "a.proto").write_text("message A {")
    with pytest.raises(RuntimeError, match="protoc ended with status 1"):
        build(tmp_path / "proto", target)
    assert "a.proto" in capfd.readouterr().err
    assert (target / "kept.py").exists()
