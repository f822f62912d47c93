"""What the checkers of a project's own packages have in common."""

from __future__ import annotations

from pathlib import Path

from lemnos.runners.gates.ecmascript.package import (
    QUIET,
    declared,
    how_to_install,
    own_program,
    scripts,
    system_program,
)
from lemnos.runners.gates.plugin import Command
from lemnos.runners.gates.project import Project


class OwnTool:
    """A program in node_modules/.bin. ``package`` is what installs it."""

    gate: str
    tool: str
    package: str
    writes = False
    cached = True
    # Names of files by which a project configures it, whatever package.json says.
    configurations: tuple[str, ...] = ()

    def applies(self, project: Project) -> bool:
        """Whether package.json or a configuration of its own declares it."""
        return self.package in declared(project) or any(
            name in project.files for name in self.configurations
        )

    def program(self, project: Project) -> Path | None:
        """The project's own."""
        return own_program(project, self.tool)

    def missing(self, project: Project) -> str:
        """How to install the project's packages."""
        return how_to_install(project, self.package)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """It mends nothing."""
        return None


class PackageScript:
    """A script of package.json, started by npm: for what no checker knows better."""

    gate: str
    tool = "npm"
    writes = False
    cached = True
    script: str

    def declares(self, project: Project) -> bool:
        """Whether package.json has the script."""
        return self.script in scripts(project)

    def program(self, project: Project) -> Path | None:
        """npm runs the scripts of all package managers."""
        return system_program(project, "npm")

    def missing(self, project: Project) -> str:
        """npm comes with Node.js."""
        return "npm is missing: install Node.js"

    def start(self, program: Path) -> Command:
        """How to start it."""
        return Command((str(program), "run", "--silent", self.script), QUIET)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """What a script does is its own affair."""
        return None
