"""Settings: their layers, what is refused, and that nothing is undocumented."""

from __future__ import annotations

from pathlib import Path

import pytest

from lemnos.kernel.errors import Invalid
from lemnos.settings import Settings, describe, load, resolve


def test_flags_win_over_the_environment_over_a_file_over_defaults(tmp_path: Path):
    file = tmp_path / "lemnos.toml"
    file.write_text('port = 1\nnode = "file"\nlog_level = "debug"\n')
    env = {"LEMNOS_PORT": "2", "LEMNOS_NODE": "env"}
    settings, source = resolve(env, file, {"port": 3, "host": None})
    assert (settings.port, settings.node, settings.log_level) == (3, "env", "debug")
    assert settings.host == "127.0.0.1"
    assert source["port"] == "flag"
    assert source["node"] == "environment"
    assert source["log_level"] == f"file {file}"


def test_the_file_in_the_data_folder_is_found(tmp_path: Path):
    (tmp_path / "config.toml").write_text("max_agents = 7\n")
    assert load({"LEMNOS_DATA": str(tmp_path)}).max_agents == 7


def test_a_file_that_is_named_must_be_there(tmp_path: Path):
    with pytest.raises(Invalid, match="Cannot read"):
        load({"LEMNOS_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"LEMNOS_PROT": "1"}, "prot"),
        ({"LEMNOS_PORT": "eighty"}, "port"),
        ({"LEMNOS_PORT": "-1"}, "port"),
        ({"LEMNOS_RATE_LIMITS": "maybe"}, "rate_limits"),
        ({"LEMNOS_MAX_AGENTS": "-1"}, "max_agents"),
        ({"LEMNOS_FORGES": "not json"}, "forges"),
        ({"LEMNOS_FORGES": '{"a": 1}'}, "forges"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(tmp_path: Path, env: dict[str, str], named: str):
    with pytest.raises(Invalid) as refused:
        load({"LEMNOS_DATA": str(tmp_path), **env})
    assert named in refused.value.message.lower()


def test_a_typing_error_in_a_file_is_refused(tmp_path: Path):
    (tmp_path / "config.toml").write_text("prot = 1\n")
    with pytest.raises(Invalid, match="prot"):
        load({"LEMNOS_DATA": str(tmp_path)})
    (tmp_path / "config.toml").write_text("port = = 1\n")
    with pytest.raises(Invalid, match="TOML"):
        load({"LEMNOS_DATA": str(tmp_path)})


def test_lists_and_tables_in_the_environment(tmp_path: Path):
    settings = load(
        {
            "LEMNOS_DATA": str(tmp_path),
            "LEMNOS_ALLOWED_HOSTS": "[::1]:80, git.lan, 10.0.0.5:8080 ,",
            "LEMNOS_ALLOWED_ROOTS": '["/srv/a", "/srv/b"]',
            "LEMNOS_ACP_AGENTS": '{"gemini": ["gemini", "--acp"]}',
        }
    )
    assert settings.allowed_hosts == ("[::1]:80", "git.lan", "10.0.0.5:8080")
    assert settings.allowed_roots == ("/srv/a", "/srv/b")
    assert settings.acp_agents == {"gemini": ["gemini", "--acp"]}


def test_the_providers_own_variables_are_taken_unless_ours_say_else(tmp_path: Path):
    env = {"LEMNOS_DATA": str(tmp_path), "ANTHROPIC_API_KEY": "theirs", "OPENAI_API_KEY": "o"}
    assert load(env).anthropic_api_key == "theirs"
    assert load(env | {"LEMNOS_ANTHROPIC_API_KEY": "ours"}).anthropic_api_key == "ours"


def test_local_repositories_only_where_only_this_machine_can_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    assert Settings(data=str(data)).roots == (data, tmp_path)
    assert Settings(data=str(data), host="0.0.0.0").roots == (data,)
    only = Settings(data=str(data), allowed_roots=(str(tmp_path / "repos"),))
    assert only.roots == (tmp_path / "repos",)


def test_every_setting_is_described():
    rows = describe()
    assert [name for name, *_ in rows] == list(Settings.__struct_fields__)
    for name, variable, _default, meaning in rows:
        assert variable == f"LEMNOS_{name.upper()}"
        assert meaning.endswith((".", ")")), name
