"""The rules of the checks that need no tool: margins, test2json, exports."""

from __future__ import annotations

import pytest

from lemnos.runners.quality.inside.exports import exports_of
from lemnos.runners.quality.performance import margin_of
from lemnos.runners.quality.testing import go_results


def test_the_margin_grows_with_the_spread() -> None:
    assert margin_of([1.0] * 5, [1.0] * 5) == 0.25
    assert margin_of([0.1] * 5, [0.1] * 5) == 0.1
    assert margin_of([1.0, 1.5, 2.0, 2.5, 3.0], [1.0] * 5) > 1.0


def test_go_names_its_tests_by_package() -> None:
    lines = [
        '{"Action":"output","Package":"m/a","Test":"TestX","Output":"bad\\n"}',
        '{"Action":"fail","Package":"m/a","Test":"TestX"}',
        '{"Action":"pass","Package":"m/a","Test":"TestY"}',
        '{"Action":"fail","Package":"m/a"}',
        "no json",
    ]

    assert go_results("\n".join(lines)) == (frozenset({"m/a.TestY"}), {"m/a.TestX": "bad\n"})


@pytest.mark.parametrize(
    ("language", "source", "wanted"),
    [
        ("javascript", "export default function f(a) {}", {"default": "(a)"}),
        ("javascript", "const f = (a) => a; export { f as g };", {"g": "(a)"}),
        ("javascript", "function f(x) {} module.exports = { f };", {"f": "(x)"}),
        ("typescript", "export * from './a';", {"* from './a'": ""}),
        (
            "typescript",
            "export class A { f(a: string): void {} private g() {} }",
            {"A": "", "A.f": "(a: string): void"},
        ),
        (
            "go",
            "package a\nfunc f() {}\nfunc (t *T) Do(n int) error { return nil }",
            {"T.Do": "(n int)error"},
        ),
        (
            "java",
            "public interface A { int f(); private void g() {} }",
            {"A": "", "A.f()": "int"},
        ),
    ],
)
def test_exported_names_have_their_signatures(
    language: str, source: str, wanted: dict[str, str]
) -> None:
    assert exports_of(language, source.encode()) == wanted
