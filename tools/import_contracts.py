"""Import rules of this project that import-linter has no contract type for."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StdlibOnlyContract(Contract):
    """Modules that may import nothing but the standard library and their own package.

    ``modules`` are import-linter module expressions (``package.**``). An expression that matches
    nothing is kept: there is no import to object to.
    """

    type_name = "stdlib_only"

    modules = fields.SetField(subfield=fields.ModuleExpressionField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return a broken check that lists each (importer, third-party package)."""
        expressions = {str(expression) for expression in self.modules}  # type: ignore[attr-defined]
        importers = {
            module
            for expression in expressions
            for module in graph.find_matching_modules(expression)
        }
        own_packages = {module.partition(".")[0] for module in importers}
        allowed = own_packages | sys.stdlib_module_names
        third_party = sorted(
            (importer, imported)
            for importer in importers
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.partition(".")[0] not in allowed
        )
        return ContractCheck(kept=not third_party, metadata={"third_party": third_party})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each forbidden import."""
        for importer, imported in check.metadata["third_party"]:
            output.print_error(f"{importer} imports {imported}, which is not standard library")
