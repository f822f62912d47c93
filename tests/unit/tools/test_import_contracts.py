"""The import rule of our own, on graphs made by hand."""

import grimp
import pytest

from tools.import_contracts import StdlibOnlyContract


def contract() -> StdlibOnlyContract:
    return StdlibOnlyContract(
        name="kernel",
        session_options={"root_packages": ["house"]},
        contract_options={"modules": ["house.kernel.**"]},
    )


def graph_of(*imports: tuple[str, str]) -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for importer, imported in imports:
        for module in (importer, imported):
            graph.add_module(module, is_squashed=not module.startswith("house"))
        graph.add_import(importer=importer, imported=imported)
    return graph


@pytest.mark.parametrize("imported", ["json", "asyncio", "house.kernel.ids"])
def test_standard_library_and_own_package_are_allowed(imported: str) -> None:
    graph = graph_of(("house.kernel.clock", imported))
    assert contract().check(graph, verbose=False).kept


def test_third_party_import_breaks_the_contract_and_is_named() -> None:
    graph = graph_of(("house.kernel.deep.clock", "msgspec"))
    check = contract().check(graph, verbose=False)
    assert not check.kept
    assert check.metadata["third_party"] == [("house.kernel.deep.clock", "msgspec")]


def test_other_modules_may_import_what_they_like() -> None:
    graph = graph_of(("house.platform.db", "sqlalchemy"))
    assert contract().check(graph, verbose=False).kept
