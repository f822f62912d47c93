"""Run a project's unittest tests and write the verdicts as JSON: python unittest_json.py ROOT OUT.

For machines without pytest. Runs as a process of its own, in the project's folder.
"""

from __future__ import annotations

import json
import sys
import time
import unittest
from pathlib import Path


class Verdicts(unittest.TestResult):
    """Remembers the tests that passed, by id, and the traceback of each that did not."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[str] = []

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802  unittest's name
        self.passed.append(test.id())

    def addSubTest(self, test, subtest, err) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is None:
            self.passed.append(subtest.id())

    @property
    def failed(self) -> dict[str, str]:
        return {test.id(): text for test, text in [*self.failures, *self.errors]}


def discover(root: str) -> unittest.TestSuite:
    """Tests from the root, and from a `tests` folder that is not a package."""
    suite = unittest.TestSuite([unittest.defaultTestLoader.discover(root, top_level_dir=root)])
    tests = Path(root, "tests")
    if tests.is_dir() and not (tests / "__init__.py").exists():
        loader = unittest.TestLoader()
        suite.addTest(loader.discover(str(tests), top_level_dir=str(tests)))
    return suite


def main() -> None:
    root, results = sys.argv[1:]
    sys.path[0] = root
    verdicts = Verdicts()
    suite = discover(root)
    begun = time.monotonic()
    suite.run(verdicts)
    document: dict[str, object] = {"passed": sorted(verdicts.passed), "failed": verdicts.failed}
    document["seconds"] = time.monotonic() - begun
    Path(results).write_text(json.dumps(document))
    sys.exit(0 if verdicts.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
