"""One file measured: the analysers one after the other, and what they found put together."""

from __future__ import annotations

from typing import Any

from lemnos.domains.analysis.facts import Facts, packed_findings
from lemnos.domains.analysis.ports import Source
from lemnos.runners.analysis import documentation, findings, imports, tokens
from lemnos.runners.analysis.languages import tools_of
from lemnos.runners.analysis.parsed import Function, Parsed
from lemnos.runners.analysis.structure import FunctionShape, lines_of, shape_of

MAX_BYTES = 1_500_000
_MAX_LINE = 20_000  # characters; a longer one was not written by a person
_MAX_AVERAGE = 400  # characters a line over a whole file
_BROKEN = 0.1  # share of a file that may be in no language's grammar
_SNIFFED = 8000  # bytes in which a null makes a file binary, as git has it
# lizard goes by the name of a file.
_EXTENSIONS = {
    "python": ".py", "javascript": ".js", "typescript": ".ts", "tsx": ".tsx", "go": ".go",
    "java": ".java", "rust": ".rs", "c": ".c", "cpp": ".cpp", "ruby": ".rb", "c_sharp": ".cs",
}  # fmt: skip


def too_large(size: int) -> str:
    """Why a file is not even read."""
    return f"It has {size} bytes; files over {MAX_BYTES} are not measured."


class Unmeasurable(Exception):
    """Why a file can't be measured, for people."""


def measure(source: Source) -> Facts:
    """Facts of a file. What it holds never raises, unless it stops the process."""
    try:
        return _measured(source)
    except Unmeasurable as error:
        return Facts(problem=str(error))
    except RecursionError:
        return Facts(problem="It is nested too deeply to be measured.")
    except MemoryError:
        return Facts(problem="Measuring it needs too much memory.")
    except Exception as error:  # an analyser that fails at one file must not stop the others
        return Facts(problem=f"An analyser failed: {type(error).__name__}: {error}"[:300])


def _measured(source: Source) -> Facts:
    from tree_sitter import QueryCursor

    text = _text(source)
    parser, query = tools_of(source.language)
    content = text.encode()
    root = parser.parse(content).root_node
    if root.has_error:
        _check_errors(root, len(content), source.language)
    captures = QueryCursor(query).captures(root)
    shape = shape_of(captures)
    seen = tokens.Tokens(tokens.comment_marks(source.language))
    cyclomatic = _cyclomatic(source, text, seen)
    cognitive = _cognitive(text) if source.language == "python" else {}
    functions = tuple(
        _function(each, source.language, cyclomatic, cognitive) for each in shape.functions
    )
    documentable, documented = documentation.counted(shape, source.language)
    share = documented / documentable if documentable else None
    parsed = Parsed(source.language, text, captures, shape, seen, functions, share)
    return _facts(parsed, documentable, documented)


def _facts(parsed: Parsed, documentable: int, documented: int) -> Facts:
    return Facts(
        lines=parsed.text.count("\n") + (not parsed.text.endswith("\n") and bool(parsed.text)),
        lines_of_code=parsed.tokens.lines_of_code,
        functions=len(parsed.functions),
        cyclomatic=max((each.cyclomatic for each in parsed.functions), default=0),
        cognitive=max((each.cognitive for each in parsed.functions), default=0),
        nesting=max((each.nesting for each in parsed.shape.functions), default=0),
        documentable=documentable,
        documented=documented,
        package=imports.package_of(parsed.captures),
        imports=imports.imports_of(parsed.captures, parsed.language),
        fingerprints=tokens.fingerprints(parsed.tokens),
        findings=packed_findings(findings.found_in(parsed)),
    )


def _text(source: Source) -> str:
    content = source.content
    if len(content) > MAX_BYTES:
        raise Unmeasurable(too_large(len(content)))
    if b"\0" in content[:_SNIFFED]:
        raise Unmeasurable("It is binary.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unmeasurable(f"It is not valid UTF-8, see line {line}.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    longest = max(map(len, lines))
    if longest > _MAX_LINE or (len(text) > 5000 and len(text) / len(lines) > _MAX_AVERAGE):
        raise Unmeasurable(f"It is minified or generated: a line has {longest} characters.")
    return text


def _check_errors(root: Any, size: int, language: str) -> None:
    """Raise for a file that is broken to a good part. A grammar may be behind its language, so a
    few places that it does not know are passed over."""
    broken = 0
    first = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            broken += max(node.end_byte - node.start_byte, 1)
            first = min(first or node.start_point[0] + 1, node.start_point[0] + 1)
        elif node.has_error:
            waiting += node.children
    if broken > _BROKEN * size:
        raise Unmeasurable(f"It is not valid {language}, see line {first}.")


def _cyclomatic(source: Source, text: str, seen: tokens.Tokens) -> dict[int, list[Any]]:
    """lizard's functions by the line that they begin on; its tokens pass by ``seen``."""
    import lizard

    def tap(found: Any, _reader: Any) -> Any:
        return seen.tapped(found)

    analyzer = lizard.FileAnalyzer([tap, *lizard.get_extensions([])])
    name = f"file{_EXTENSIONS[source.language]}"
    result: dict[int, list[Any]] = {}
    for each in analyzer.analyze_source_code(name, text).function_list:
        result.setdefault(each.start_line, []).append(each)
    return result


def _cognitive(text: str) -> dict[int, int]:
    """complexipy's cognitive complexity by the first line of a function."""
    import complexipy

    try:
        found = complexipy.code_complexity(text, no_ignore=True, with_plans=False)
    except ValueError as error:
        raise Unmeasurable(f"It is not valid python: {error}"[:300]) from None
    return {each.line_start: each.complexity for each in found.functions}


def _function(
    shape: FunctionShape,
    language: str,
    cyclomatic: dict[int, list[Any]],
    cognitive: dict[int, int],
) -> Function:
    start, end = shape.lines
    parent = shape.node.parent
    first = start
    if parent is not None and parent.type == "decorated_definition":
        first = lines_of(parent)[0]  # complexipy counts decorators in
    same = [each for each in cyclomatic.get(start, ()) if each.name.endswith(shape.name)]
    # lizard passes over some functions that the grammar sees, as it reads tokens alone.
    counted = same[0].cyclomatic_complexity if same else shape.decisions + 1
    if language == "c_sharp":
        counted = max(counted, shape.decisions + 1)  # lizard does not know its foreach
    return Function(
        name=shape.symbol,
        start=start,
        end=end,
        cyclomatic=counted,
        cognitive=cognitive.get(first, shape.cognitive),
    )
