"""Verdicts and stamps that outlive a run."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lemnos.domains.quality.model import Finding, Level, Verdict
from lemnos.runners.gates.inputs import Stamps
from lemnos.runners.gates.plugin import Said
from lemnos.runners.gates.verdicts import Heard, Verdicts

KEY = "ab" * 32


def heard(text: str = "fine") -> Heard:
    finding = Finding("E1", "odd", Level.WARNING, "a.py", 3, fingerprint="f")
    said = Said(Verdict.FAILED, text, (finding,), {"passed": 3, "share": 0.5}, {"a.py": (1, 2)})
    return Heard(said, "ruff", "1.0", ("ruff", "check"), "output", 1.5)


def test_a_verdict_comes_back_as_it_was(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    assert verdicts.get(KEY) is None
    verdicts.put(KEY, heard())
    found = verdicts.get(KEY)

    assert found is not None
    assert found.cached
    assert found.said == heard().said
    assert (found.tool, found.version, found.command) == ("ruff", "1.0", ("ruff", "check"))


def test_a_verdict_that_is_too_old(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    verdicts.put(KEY, heard())
    assert verdicts.get(KEY, max_age=3600) is not None
    (file,) = tmp_path.glob("*/*")
    for age in (3700, -3700):  # a clock that went back proves nothing either
        os.utime(file, (time.time() - age,) * 2)
        assert verdicts.get(KEY, max_age=3600) is None


def test_the_verdicts_of_longest_ago_make_room(tmp_path: Path) -> None:
    for number in range(10):
        Verdicts(tmp_path, most=10**9).put(f"{number:064}", heard("x" * 1000))
        os.utime(tmp_path / "00" / f"{number:064}", (number, number))
    size = (tmp_path / "00" / f"{0:064}").stat().st_size
    Verdicts(tmp_path, most=5 * size).put(KEY, heard())
    left = sorted(path.name for path in tmp_path.glob("*/*"))

    assert KEY in left
    assert f"{9:064}" in left
    assert f"{0:064}" not in left
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 5 * size


def test_what_cannot_be_written_down_is_not_kept(tmp_path: Path) -> None:
    odd = Heard(Said(Verdict.PASSED, "", metadata={"odd": object()}))
    Verdicts(tmp_path).put(KEY, odd)

    assert Verdicts(tmp_path).get(KEY) is None


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    verdicts = Verdicts(tmp_path / "file")
    verdicts.put(KEY, heard())

    assert verdicts.get(KEY) is None
    assert Stamps(tmp_path / "file").state(tmp_path, ("file",)).stamps.keys() == {"file"}


def test_stamps_are_of_content_and_not_of_time(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    file = root / "a"
    file.write_text("one")
    stamps = Stamps(tmp_path / "stamps")
    first = stamps.state(root, ("a", "absent"))
    os.utime(file, (1, 1))
    assert stamps.state(root, ("a",)).digest == first.digest
    file.write_text("two")
    os.utime(file, (1, 1))
    assert stamps.state(root, ("a",)).digest != first.digest


def test_a_file_written_just_now_is_read_again(tmp_path: Path) -> None:
    """A change within one tick of a coarse clock leaves size and times alike."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_text("one")
    Stamps(tmp_path / "stamps").state(root, ("a",))

    assert not list((tmp_path / "stamps").glob("*"))


def test_settled_files_are_not_read_again(tmp_path: Path) -> None:
    file = Path(__file__)  # written long ago
    stamps = Stamps(tmp_path / "stamps")
    stamps.state(file.parent, (file.name,))
    (kept,) = (tmp_path / "stamps").glob("*")
    content = kept.read_bytes()
    digest = stamps.state(file.parent, (file.name,)).stamps[file.name].digest
    assert digest in content
    kept.write_bytes(content.replace(digest, bytes(len(digest))))

    assert stamps.state(file.parent, (file.name,)).stamps[file.name].digest == bytes(len(digest))


def test_names_and_contents_are_told_apart(tmp_path: Path) -> None:
    digests = set()
    for number, files in enumerate(({"a": "b"}, {"b": "a"}, {"a": "", "b": ""}, {"ab": ""})):
        root = tmp_path / str(number)
        root.mkdir()
        for name, text in files.items():
            (root / name).write_text(text)
        digests.add(Stamps(tmp_path / "stamps").state(root, files).digest)

    assert len(digests) == 4
