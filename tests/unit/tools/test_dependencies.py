"""What the code imports is what the project declares."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[3]


def imported_packages() -> set[str]:
    """The top-level third-party packages that any module under src imports."""
    names: set[str] = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"lemnos"}


def declared_distributions() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    names = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {name[0].lower().replace("_", "-") for name in names if name}


def test_every_import_is_a_declared_dependency() -> None:
    """A library that comes along with another one may be gone with that one's next release."""
    providers = packages_distributions()
    declared = declared_distributions()
    undeclared = {
        package
        for package in imported_packages()
        if not declared & {name.lower().replace("_", "-") for name in providers.get(package, [])}
    }
    assert not undeclared
