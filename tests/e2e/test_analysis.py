"""Analyses from end to end: real packages, hostile repositories, crashes, and what is refused."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grimp
import pytest

from lemnos.domains.analysis import selection
from lemnos.domains.analysis.facts_store import FactsStore
from lemnos.domains.analysis.model import (
    Analysis,
    AnalysisType,
    FileMetrics,
    NewAnalysis,
    OpportunityType,
    Options,
    Risk,
    Status,
)
from lemnos.kernel.errors import Invalid, NotFound
from lemnos.main.webhooks import make_endpoints
from lemnos.platform.webhooks.endpoint import NewEndpoint
from tests.support.analyses import Place, analysing, commit, git
from tests.support.packages import npm, sdist

pytestmark = pytest.mark.e2e
JINJA, RXJS = "jinja2==3.1.6", "rxjs@7.8.2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "hosted"
    folder.mkdir()
    return folder


@pytest.fixture
async def place(tmp_path: Path, root: Path) -> AsyncIterator[Place]:
    async with analysing(tmp_path / "data", root) as place:
        yield place


async def _files(place: Place, analysis: Analysis) -> dict[str, FileMetrics]:
    found = await place.service.files(place.ctx, analysis.id, limit=100_000)
    return {each.path: each for each in found}


def _asked(path: Path, kind: str = "full", **options: object) -> NewAnalysis:
    return NewAnalysis(str(path), type=AnalysisType(kind), options=Options(**options))  # type: ignore[arg-type]


@pytest.mark.slow
async def test_a_real_python_package(place: Place, root: Path):
    path = root / "jinja"
    shutil.copytree(sdist(JINJA), path)
    commit(path, {})
    analysis = await place.run(_asked(path, max_opportunities=1000))
    assert (analysis.status, analysis.error) == (Status.COMPLETED, "")
    files = await _files(place, analysis)
    tracked = git(path, "ls-files", "*.py").split()
    assert {each for each in files if each.endswith(".py")} == set(tracked)
    assert analysis.summary is not None
    assert analysis.summary.files_failed == 0
    _check_coupling(files, path)
    await _check_opportunities(place, analysis, files, path)
    await _check_incremental(place, path, files)


def _check_coupling(files: dict[str, FileMetrics], path: Path) -> None:
    """The import graph against grimp's, which import-linter stands on."""
    sys.path.insert(0, str(path / "src"))
    try:
        graph = grimp.build_graph("jinja2", cache_dir=None)
    finally:
        sys.path.pop(0)
    for module in graph.modules:
        base = f"src/{module.replace('.', '/')}"
        name = f"{base}.py" if f"{base}.py" in files else f"{base}/__init__.py"
        theirs = graph.find_modules_directly_imported_by(module) - {module}
        assert files[name].efferent == len(theirs), module


async def _check_opportunities(
    place: Place, analysis: Analysis, files: dict[str, FileMetrics], path: Path
) -> None:
    found = await place.service.opportunities(place.ctx, analysis.id)
    assert analysis.summary is not None
    assert len(found) == analysis.summary.total_opportunities
    assert [each.priority for each in found] == sorted((o.priority for o in found), reverse=True)
    assert {OpportunityType.EXTRACT_FUNCTION, OpportunityType.SIMPLIFY_CONDITIONAL} <= {
        each.type for each in found
    }
    for each in found:
        assert each.blob == files[each.path].blob
        lines = (path / each.path).read_text().splitlines()
        assert 1 <= each.start <= each.end <= len(lines)
        assert each.risk_reason
        assert each.effort_hours > 0
        assert await place.service.opportunity(place.ctx, each.id) == each
    literal = next(each for each in found if each.type is OpportunityType.EXTRACT_CONSTANT)
    text = (path / literal.path).read_text().splitlines()
    assert all(str(literal.data["literal"]) in text[n - 1] for n in literal.data["lines"])  # type: ignore[attr-defined]
    total = sum(each.effort_hours for each in found)
    assert analysis.summary.estimated_debt_hours == pytest.approx(total, abs=0.02)


async def _check_incremental(place: Place, path: Path, before: dict[str, FileMetrics]) -> None:
    """One changed file is measured, and the outcome is that of a full analysis."""
    name = "src/jinja2/utils.py"
    commit(path, {name: (path / name).read_text() + "\n\ndef added(a):\n    return a or 1\n"})
    incremental = await place.run(_asked(path, "incremental"))
    assert incremental.summary is not None
    assert incremental.summary.files_reused == incremental.summary.total_files - 1
    after = await _files(place, incremental)
    assert {each for each in after if after[each].blob != before[each].blob} == {name}
    full = await place.run(_asked(path))
    assert full.summary is not None
    assert full.summary.files_reused == 0
    assert await _files(place, full) == after
    assert replace(full.summary, files_reused=0) == replace(incremental.summary, files_reused=0)


@pytest.mark.slow
async def test_a_real_typescript_package(place: Place, root: Path):
    path = root / "rxjs"
    shutil.copytree(npm(RXJS), path, ignore=shutil.ignore_patterns("dist"))
    commit(path, {})
    analysis = await place.run(_asked(path, include_patterns=("src/**/*.ts",)))
    assert analysis.summary is not None
    assert set(analysis.summary.languages) == {"typescript"}
    assert analysis.summary.files_failed == 0
    files = await _files(place, analysis)
    core = files["src/internal/Observable.ts"]
    text = (path / core.path).read_text()
    assert core.efferent == len({line for line in text.splitlines() if "from './" in line})
    importing = git(path, "grep", "-lE", "from '[./]+/Observable'", "--", "src/internal")
    assert core.afferent is not None
    assert core.afferent >= len(importing.split()) > 50


async def test_history_tells_what_changes_most(place: Place, root: Path):
    path = root / "shop"
    commit(path, {"old.py": "x = 1\n" * 50, "new.py": "y = 1\n"}, when="2020-01-01T00:00:00Z")
    for number in range(3):
        commit(path, {"new.py": f"y = {number + 2}\n"})
    files = await _files(place, await place.run(_asked(path)))
    assert (files["old.py"].churn, files["old.py"].commits) == (0, 0)
    assert (files["new.py"].churn, files["new.py"].commits) == (6, 3)


COPIED = "def copied(a, b):\n" + "".join(f"    a.x{n} = b.y{n} + {n}\n" for n in range(30))


async def test_quick_leaves_out_what_needs_all_files_or_history(place: Place, root: Path):
    path = root / "shop"
    commit(path, {"a.py": COPIED, "b.py": COPIED, "c.py": "import a\n"})
    quick = await _files(place, await place.run(_asked(path, "quick")))
    assert (quick["a.py"].duplication, quick["a.py"].churn) == (None, None)
    assert (quick["a.py"].afferent, quick["c.py"].efferent) == (1, 1)
    full = await place.run(_asked(path))
    assert (await _files(place, full))["a.py"].duplication == pytest.approx(1, abs=0.2)
    found = await place.service.opportunities(place.ctx, full.id)
    copies = [each for each in found if each.type is OpportunityType.REMOVE_DUPLICATION]
    assert {(each.path, each.data["other_path"]) for each in copies} == {
        ("a.py", "b.py"), ("b.py", "a.py"),
    }  # fmt: skip


async def test_what_a_change_would_do_is_measured_before_it_is_committed(place: Place, root: Path):
    path = root / "shop"
    commit(path, {"a.py": COPIED, "b.py": COPIED, "c.py": "import a\nimport b\n"})
    before = await place.run(_asked(path))
    changed = {"b.py": b"from a import copied\n", "d.py": b"import c\n"}
    foretold = await place.service.remeasure(place.ctx, before.id, changed)
    commit(path, changed)
    after = await _files(place, await place.run(_asked(path)))
    assert set(foretold) == {"b.py", "d.py"}
    for name, metrics in foretold.items():
        history = {"churn": after[name].churn, "commits": after[name].commits}
        assert replace(metrics, **history) == after[name]  # type: ignore[arg-type]
    assert foretold["b.py"].duplication == 0


async def test_a_changed_file_keeps_the_coupling_that_only_manifests_tell(place: Place, root: Path):
    path = root / "web"
    tsconfig = '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}}'
    main = 'import { a } from "@/a";\nexport function f() { return a; }\n'
    commit(path, {"tsconfig.json": tsconfig, "src/a.ts": "export const a = 1;\n", "m.ts": main})
    before = await place.run(_asked(path))
    changed = {"m.ts": main.replace("return a", "return a || 1").encode()}
    (after,) = (await place.service.remeasure(place.ctx, before.id, changed)).values()
    assert ((await _files(place, before))["m.ts"].efferent, after.efferent) == (1, 1)
    assert after.cyclomatic == 2


async def test_facts_that_are_gone_leave_what_was_stored(place: Place, root: Path):
    path = root / "shop"
    commit(path, {"a.py": COPIED, "b.py": COPIED, "c.py": "import a\n"})
    before = await place.run(_asked(path))
    await FactsStore(place.platform.db).prune(1 << 62, 0)
    changed = {"a.py": COPIED.encode() + b"\nx = 1\n"}
    after = (await place.service.remeasure(place.ctx, before.id, changed))["a.py"]
    stored = (await _files(place, before))["a.py"]
    assert (after.duplication, after.afferent) == (stored.duplication, 1)
    assert after.lines == stored.lines + 2


HOSTILE: dict[str, str | bytes] = {
    "good.py": "def f(a):\n    return a or 1\n",
    "latin.py": "x = 'caf\u00e9'\n".encode("latin-1"),
    "binary.js": b"\0" * 1000,
    "deep.py": b"x = " + b"(" * 100_000 + b")" * 100_000,
    "line.ts": b"x" * 1_000_000,
    "huge.go": b"// x\n" * 400_000,
    "syntax.py": "def f(:\n" * 20,
    "app.min.js": "x=1",
    "odd \u2028 name\n.py": "x = 1\n",
    b"bad\xff.py".decode(errors="surrogateescape"): "x = 1\n",
    "notes.txt": "no code",
    "node_modules/x/index.js": "function f() {}",
}


async def test_a_hostile_repository_is_analysed_and_each_bad_file_reported(
    place: Place, root: Path
):
    path = root / "hostile"
    commit(path, HOSTILE)
    (path / "link.py").symlink_to("/etc/passwd")
    commit(path, {})
    analysis = await place.run(_asked(path))
    assert (analysis.status, analysis.error) == (Status.COMPLETED, "")
    files = await _files(place, analysis)
    problems = {name for name, each in files.items() if each.problem}
    assert {"latin.py", "binary.js", "line.ts", "huge.go", "syntax.py", "app.min.js"} <= problems
    assert files["good.py"].functions == 1
    assert not {"notes.txt", "link.py", "node_modules/x/index.js"} & set(files)
    assert analysis.summary is not None
    assert analysis.summary.total_files == len(HOSTILE) - 2
    assert analysis.summary.files_failed == len(problems)
    ordered = await place.service.files(place.ctx, analysis.id, limit=100)
    assert [bool(each.problem) for each in ordered] == sorted(bool(e.problem) for e in ordered)


async def test_more_files_than_are_measured(place: Place, root: Path, monkeypatch):
    monkeypatch.setattr(selection, "MAX_FILES", 5)
    path = root / "many"
    commit(path, {f"f{n}.py": f"x = {n}\n" for n in range(9)})
    analysis = await place.run(_asked(path))
    assert analysis.summary is not None
    assert (analysis.summary.total_files, analysis.summary.files_analyzed) == (9, 5)
    assert "9 source files match; the first 5" in analysis.summary.notes[0]


async def test_the_best_opportunities_are_kept_and_all_are_counted(place: Place, root: Path):
    path = root / "shop"
    names = {f"f{n}.py": "def getThing(a=1):\n    return a\n" for n in range(6)}
    commit(path, names)
    analysis = await place.run(_asked(path, max_opportunities=2))
    assert analysis.summary is not None
    assert analysis.summary.total_opportunities == 12
    kept = await place.service.opportunities(place.ctx, analysis.id)
    assert len(kept) == 2
    assert {each.risk for each in kept} <= {Risk.LOW}
    nothing = await place.run(_asked(path, identify_opportunities=False))
    assert await place.service.opportunities(place.ctx, nothing.id) == ()


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"repository": "{root}/nowhere"}, "not_a_repository", "repository"),
        ({"repository": "{root}/empty"}, "empty_repository", "repository"),
        ({"repository": "/etc"}, "address_refused", "repository"),
        ({"repository": "ftp://example.com/x"}, "address_refused", "repository"),
        ({"branch": "nope"}, "unknown_branch", "branch"),
        ({"commit": "0" * 40}, "unknown_commit", "commit"),
        ({"commit": "abcdef1"}, "unknown_commit", "commit"),
        ({"commit": "HEAD~1"}, "unknown_commit", "commit"),
        ({"options": Options(max_opportunities=-1)}, "", "options.max_opportunities"),
        ({"options": Options(include_patterns=("",))}, "", "options.include_patterns"),
        ({"options": Options(exclude_patterns=("x" * 600,))}, "", "options.exclude_patterns"),
    ],
)
async def test_what_is_refused(place: Place, root: Path, asked, code, field):
    commit(root / "shop", {"a.py": "x = 1\n"})
    git(root, "init", "--quiet", "-b", "main", "empty")
    (root / "nowhere").mkdir()
    wanted = {"repository": "{root}/shop", **asked}
    wanted["repository"] = wanted["repository"].format(root=root)
    with pytest.raises(Invalid) as caught:
        await place.service.draft(place.ctx, NewAnalysis(**wanted))
    assert field in caught.value.fields
    if code:
        assert caught.value.code == code


async def test_a_branch_or_a_commit_of_it(place: Place, root: Path):
    path = root / "shop"
    first = commit(path, {"a.py": "x = 1\n"})
    commit(path, {"b.py": "y = 1\n"})
    git(path, "branch", "side", first)
    for asked in (
        NewAnalysis(str(path), branch="side"),
        NewAnalysis(str(path), commit=first),
        NewAnalysis(str(path), commit=first[:9]),
    ):
        analysis = await place.run(asked)
        assert analysis.commit == first
        assert set(await _files(place, analysis)) == {"a.py"}
    assert (await place.run(NewAnalysis(str(path)))).branch == "main"


async def test_its_end_is_told_to_endpoints(place: Place, root: Path):
    endpoints = make_endpoints(place.platform)
    new = NewEndpoint("https://hooks.example.org/analyses", ("analysis.completed",))
    made = await place.platform.db.write(lambda tx: endpoints.create(tx, place.ctx, new))
    commit(root / "shop", {"a.py": "def getThing(a=1):\n    return a\n"})
    analysis = await place.run(_asked(root / "shop"))
    (told,) = await place.platform.webhooks.deliveries(place.ctx, made.endpoint.id)
    body = json.loads(told.body)
    assert (body["event"], body["data"]["analysis_id"]) == ("analysis.completed", analysis.id)
    assert body["data"]["opportunities_count"] == 2
    assert body["data"]["summary"]["files_analyzed"] == 1


async def test_nothing_of_another_tenant_is_found(place: Place, root: Path):
    commit(root / "shop", {"a.py": "x = 1\n"})
    analysis = await place.run(_asked(root / "shop"))
    other = replace(place.ctx, principal=replace(place.ctx.principal, tenant="other"))
    with pytest.raises(NotFound):
        await place.service.get(other, analysis.id)
    with pytest.raises(NotFound):
        await place.service.opportunity(other, "opp_1")
    assert await place.service.files(other, analysis.id) == ()


_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from lemnos.domains.analysis.model import NewAnalysis
from tests.e2e.test_analysis import kept_facts
from tests.support.analyses import analysing

async def main(data, root, repository):
    async with analysing(Path(data), Path(root)) as place:
        analysis = await place.start(NewAnalysis(repository))
        while not await kept_facts(place):
            await asyncio.sleep(0.002)
        print(analysis.id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_an_analysis_goes_on_after_its_server_was_killed(tmp_path: Path, root: Path):
    path = root / "large"
    text = "".join(f"def f{n}(a):\n    return a or {n}\n\n" for n in range(300))
    commit(path, {f"m{n}.py": f"N = {n}\n{text}" for n in range(400)})
    data = tmp_path / "data"
    command = [sys.executable, "-c", _PROGRAM, str(data), str(root), str(path)]
    here = Path(__file__).parents[2]
    killed = await asyncio.to_thread(
        subprocess.run, command, cwd=here, stdout=subprocess.PIPE, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    async with analysing(data, root) as place:
        cut_off = await place.service.get(place.ctx, killed.stdout.strip())
        assert cut_off.status is Status.RUNNING
        made = await kept_facts(place)
        assert 0 < len(made) < 400
        ended = await place.ended(cut_off)
        assert ended.status is Status.COMPLETED
        assert ended.summary is not None
        assert ended.summary.files_analyzed == 400
        after = await kept_facts(place)
        assert made.items() <= after.items()  # none of them was measured again


async def kept_facts(place: Place) -> dict[str, int]:
    """When the facts of each content were made."""
    from sqlalchemy import select

    from lemnos.domains.analysis.tables import facts
    from lemnos.platform.db import Query

    rows = await place.platform.db.all(Query(select(facts.c.key, facts.c.made_at)))
    return {row["key"]: row["made_at"] for row in rows}
