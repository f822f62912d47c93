"""Data files of coverage.py (``.coverage``), read by its own library.

They tell which lines were run, and nothing of those that were not: which could have been is told
by the sources, as coverage.py itself does it. Neither its configuration nor a plug-in is read, so
that only the default pragmas count.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from coverage import CoverageData
from coverage.config import DEFAULT_EXCLUDE
from coverage.exceptions import CoverageException
from coverage.parser import PythonParser

from lemnos.domains.analytics.matching import matched
from lemnos.runners.coverage.files import Refused, read_inside
from lemnos.runners.coverage.formats import Broken, Read

_MAGIC = b"SQLite format 3\0"
_LARGEST = 2 << 20  # bytes of one source


def read_data_file(content: bytes, root: Path, known: Collection[str]) -> Read:
    """What ran of the sources that are there. Its paths are those of the run."""
    if not content.startswith(_MAGIC):
        raise Broken("It is no data file of coverage.py 5 or later.")
    with tempfile.TemporaryDirectory(prefix="lemnos-coverage-") as scratch:
        copy = Path(scratch) / "data"  # SQLite writes beside what it reads
        copy.write_bytes(content)
        try:
            return _read(CoverageData(str(copy)), root, known)
        except CoverageException as error:
            said = str(error).replace(str(copy), "it")
            raise Broken(f"coverage.py can't read it: {said}.") from error


def _read(data: CoverageData, root: Path, known: Collection[str]) -> Read:
    data.read()
    read = Read()
    measured = sorted(data.measured_files())
    at = matched(measured, known, (), str(root))
    for path in measured:
        run = data.lines(path) or []
        if path in at:
            _count(read, path, run, root / at[path], root)
        else:  # it counts when it is judged whether this is of our project
            read.add(path, run, run)
    return read


def _count(read: Read, path: str, run: Collection[int], source: Path, root: Path) -> None:
    try:
        text = read_inside(root, os.path.relpath(source, root), _LARGEST)
        parser = PythonParser(text=text.decode(), exclude="|".join(DEFAULT_EXCLUDE))
        parser.parse_source()
    except (Refused, UnicodeDecodeError, CoverageException):
        return  # it has gone, or is not Python: what could have run of it is not known
    covered = parser.translate_lines(run) & parser.statements
    read.add(path, covered, parser.statements)
