"""Imports as they are written, resolved to the files of a repository."""

from __future__ import annotations

import pytest

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports import ImportGraph

PYTHON = ("src/shop/__init__.py", "src/shop/cart.py", "src/shop/db/__init__.py",
          "src/shop/db/models.py", "scripts/run.py", "scripts/tools.py",
          "tests/test_cart.py")  # fmt: skip


@pytest.mark.parametrize(
    ("path", "imported", "found"),
    [
        ("tests/test_cart.py", Import("shop.cart"), {"src/shop/cart.py"}),
        ("tests/test_cart.py", Import("shop", ("cart",)), {"src/shop/cart.py"}),
        (
            "tests/test_cart.py",
            Import("shop", ("cart", "VERSION")),
            {"src/shop/cart.py", "src/shop/__init__.py"},
        ),
        ("tests/test_cart.py", Import("shop.db.models", ("Item",)), {"src/shop/db/models.py"}),
        ("src/shop/cart.py", Import("db", ("models",), 1), {"src/shop/db/models.py"}),
        ("src/shop/db/models.py", Import("cart", ("Cart",), 2), {"src/shop/cart.py"}),
        ("src/shop/db/models.py", Import("", ("cart",), 2), {"src/shop/cart.py"}),
        ("scripts/run.py", Import("tools"), {"scripts/tools.py"}),
        ("scripts/run.py", Import("os.path"), set()),
        ("src/shop/cart.py", Import("", ("x",), 9), set()),
    ],
)
def test_python(path, imported, found):
    assert ImportGraph(PYTHON).imported(path, "python", [imported]) == found


ECMASCRIPT = ("app/src/main.ts", "app/src/util/index.ts", "app/src/view.tsx", "app/src/old.js",
              "packages/core/src/index.ts", "packages/core/src/deep.ts")  # fmt: skip
MANIFESTS = {
    "app/tsconfig.json": b"""{ // comments, and a comma at the end
        "compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"], "lib": ["src/view"],}},
    }""",
    "packages/core/package.json": b'{"name": "@acme/core"}',
    "broken/tsconfig.json": b"{{{",
}


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("./util", {"app/src/util/index.ts"}),
        ("./view", {"app/src/view.tsx"}),
        ("./old.js", {"app/src/old.js"}),
        ("./util/index.js", {"app/src/util/index.ts"}),
        ("../src/view", {"app/src/view.tsx"}),
        ("@/util", {"app/src/util/index.ts"}),
        ("lib", {"app/src/view.tsx"}),
        ("src/old", {"app/src/old.js"}),
        ("@acme/core", {"packages/core/src/index.ts"}),
        ("@acme/core/deep", {"packages/core/src/deep.ts"}),
        ("react", set()),
        ("../../../../etc/passwd", set()),
    ],
)
def test_ecmascript(target, found):
    graph = ImportGraph(ECMASCRIPT, {}, MANIFESTS)
    assert graph.imported("app/src/main.ts", "typescript", [Import(target)]) == found


def test_go_packages_are_folders_without_their_tests():
    paths = ("main.go", "store/a.go", "store/b.go", "store/a_test.go", "tools/x.go")
    manifests = {"go.mod": b"module example.com/shop\n\ngo 1.22\n"}
    graph = ImportGraph(paths, {}, manifests)
    found = graph.imported("main.go", "go", [Import("example.com/shop/store"), Import("fmt")])
    assert found == {"store/a.go", "store/b.go"}


@pytest.mark.parametrize(
    ("imported", "found"),
    [
        (Import("com.acme.Cart"), {"src/com/acme/Cart.java"}),
        (Import("com.acme.Cart.Line"), {"src/com/acme/Cart.java"}),
        (Import("com.acme.Cart.of", ("static",)), {"src/com/acme/Cart.java"}),
        (Import("com.acme.*"), {"src/com/acme/Cart.java", "src/com/acme/Item.java"}),
        (Import("java.util.List"), set()),
    ],
)
def test_java(imported, found):
    packages = {f"src/com/acme/{name}.java": "com.acme" for name in ("Cart", "Item")}
    packages["src/Main.java"] = ""
    graph = ImportGraph(packages, packages)
    assert graph.imported("src/Main.java", "java", [imported]) == found


@pytest.mark.parametrize(
    ("path", "imported", "found"),
    [
        ("src/lib.rs", Import("store", ("mod",)), {"src/store/mod.rs"}),
        ("src/store/mod.rs", Import("disk", ("mod",)), {"src/store/disk.rs"}),
        ("src/cart.rs", Import("crate::store::disk::Disk"), {"src/store/disk.rs"}),
        ("src/store/disk.rs", Import("super::Store"), set()),
        ("cli/src/main.rs", Import("my_shop::cart::Cart"), {"src/cart.rs"}),
        ("src/cart.rs", Import("std::fs"), set()),
    ],
)
def test_rust(path, imported, found):
    paths = (
        "src/lib.rs",
        "src/cart.rs",
        "src/store/mod.rs",
        "src/store/disk.rs",
        "cli/src/main.rs",
    )
    manifests = {"Cargo.toml": b'[package]\nname = "my-shop"\n', "cli/Cargo.toml": b"["}
    graph = ImportGraph(paths, {}, manifests)
    assert graph.imported(path, "rust", [imported]) == found


@pytest.mark.parametrize(
    ("language", "path", "imported", "found"),
    [
        ("c", "src/a.c", Import("a.h"), {"src/a.h"}),
        ("c", "src/a.c", Import("shop/b.h"), {"include/shop/b.h"}),
        ("c", "src/a.c", Import("common.h"), set()),  # there are two
        ("ruby", "lib/shop.rb", Import("shop/cart"), {"lib/shop/cart.rb"}),
        ("ruby", "lib/shop.rb", Import("shop/cart", ("relative",)), {"lib/shop/cart.rb"}),
    ],
)
def test_files_below_a_search_path(language, path, imported, found):
    paths = ("src/a.c", "src/a.h", "include/shop/b.h", "x/common.h", "y/common.h",
             "lib/shop.rb", "lib/shop/cart.rb")  # fmt: skip
    assert ImportGraph(paths).imported(path, language, [imported]) == found


def test_a_file_does_not_import_itself():
    graph = ImportGraph(("a.py",))
    assert graph.imported("a.py", "python", [Import("a")]) == set()
