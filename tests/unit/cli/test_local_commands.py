"""Commands that need no server: config, keys, audit, migrate, openapi."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat

import pytest
import yaml

from lemnos.platform.identity import TokenIssuer, TokenSettings
from lemnos.platform.secrets import derive, load_or_create_master_key


@pytest.fixture
def data(lemnos, tmp_path):
    """A data folder as a first start leaves it."""
    (tmp_path / "data").mkdir(mode=0o700)
    assert lemnos("migrate").code == 0
    return tmp_path / "data"


def test_version_and_help(lemnos):
    assert lemnos("--version").out.startswith("lemnos 0.")
    assert "serve" in lemnos("--help").out
    assert lemnos("nonsense").code == 2


def test_config_list_masks_secrets_and_says_where_values_come_from(lemnos, monkeypatch, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('max_agents = 2\nopenai_api_key = "sk-file"\n')
    monkeypatch.setenv("LEMNOS_CONFIG", str(file))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    ran = lemnos("config", "list", "--json")
    rows = {row["name"]: row for row in ran.json}
    assert rows["max_agents"]["value"] == 2
    assert rows["max_agents"]["source"] == f"file {file}"
    assert rows["anthropic_api_key"]["source"] == "environment"
    assert rows["port"]["source"] == "default"
    for text in (ran.out, lemnos("config", "list").out):
        assert "sk-ant-secret" not in text
        assert "sk-file" not in text


def test_config_get(lemnos, monkeypatch, data):
    monkeypatch.setenv("LEMNOS_ALLOWED_HOSTS", "a.test, b.test:81")
    assert lemnos("config", "get", "port").out == "8000\n"
    assert lemnos("config", "get", "LEMNOS_ALLOWED_HOSTS").out == "a.test,b.test:81\n"
    assert lemnos("config", "get", "data").out == f"{data}\n"
    (data / "api.key").write_text("lk_owner\n")
    assert lemnos("config", "get", "api.key").out == "lk_owner\n"
    ran = lemnos("config", "get", "databse_url")
    assert ran.code == 2
    assert "Did you mean database_url?" in ran.err


def test_secrets_that_are_not_there_yet_are_not_made_by_asking(lemnos, tmp_path):
    for name in ("api.key", "callback.secret"):
        ran = lemnos("config", "get", name)
        assert ran.code == 1
        assert "lemnos serve" in ran.err
    assert not (tmp_path / "data").exists()


def test_settings_that_are_wrong_are_wrong_usage(lemnos, monkeypatch):
    monkeypatch.setenv("LEMNOS_PORT", "many")
    ran = lemnos("config", "list", "--json")
    assert ran.code == 2
    assert json.loads(ran.err)["error"] == "invalid_settings"


def test_a_key_is_shown_once_and_kept_as_a_hash(lemnos, data):
    made = lemnos("keys", "create", "ci", "--role", "viewer", "--scope", "tasks:read", "--json")
    secret = made.json["key"]
    assert secret.startswith("lk_")
    listed = lemnos("keys", "list", "--json")
    assert secret not in listed.out
    (key,) = listed.json["keys"]
    assert (key["roles"], key["scopes"], key["state"]) == (["viewer"], ["tasks:read"], "valid")
    assert secret.encode() not in (data / "lemnos.db").read_bytes()
    assert lemnos("keys", "revoke", key["id"]).code == 0
    assert lemnos("keys", "list", "--json").json["keys"][0]["state"] == "revoked"
    plain = lemnos("keys", "create", "second")
    assert plain.out.startswith("lk_")
    assert plain.out.count("\n") == 1  # so that KEY=$(lemnos keys create …) holds the key alone


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("x", "--role", "king"), "unknown: king"),
        (("x", "--scope", "no:such"), "names no permission"),
        (("x", "--tier", "gold"), "must be one of"),
        (("x", "--expires", "soon"), "not a duration"),
        (("x", "--expires", "0d"), "not a duration"),
        (("",), "1 to 100 characters"),
    ],
)
def test_keys_that_make_no_sense(lemnos, data, arguments, problem):
    ran = lemnos("keys", "create", *arguments)
    assert ran.code == 2
    assert problem in ran.err


def test_a_token_is_accepted_and_grants_its_roles(lemnos, data):
    issued = lemnos("keys", "token", "alice", "--role", "viewer", "--expires", "12h", "--json").json
    key = derive(load_or_create_master_key(data / "master.key"), "jwt")
    principal, _ = asyncio.run(TokenIssuer(TokenSettings(key)).verify(issued["token"]))
    assert (principal.subject, principal.roles) == ("alice", ("viewer",))
    assert principal.may("tasks:read")
    assert not principal.may("tasks:write")
    plain = lemnos("keys", "token", "alice")
    assert plain.out.count(".") == 2
    assert plain.out.count("\n") == 1


def test_tokens_that_make_no_sense(lemnos, data, tmp_path):
    assert lemnos("keys", "token", "alice", "--role", "king").code == 2
    assert lemnos("keys", "token", "alice", "--expires", "soon").code == 2
    nowhere = lemnos("keys", "token", "alice", "--data", str(tmp_path / "nowhere"))
    assert nowhere.code == 1
    assert not (tmp_path / "nowhere").exists()


def test_an_expiry(lemnos, data):
    made = lemnos("keys", "create", "short", "--expires", "12h", "--json").json
    assert made["expires_at"] > made["created_at"]
    assert made["state"].startswith("until ")


def test_what_the_command_line_changes_is_audited(lemnos, data):
    lemnos("keys", "create", "ci")
    assert lemnos("audit", "verify", "--json").json["unsealed"] == 1
    file = sqlite3.connect(data / "lemnos.db")
    (actor,) = file.execute("SELECT actor FROM audit_entries").fetchone()
    assert actor.startswith("cli:")


@pytest.mark.parametrize("command", [("keys", "list"), ("audit", "verify"), ("audit", "list")])
def test_no_data_folder(lemnos, command, tmp_path):
    ran = lemnos(*command)
    assert ran.code == 1
    assert "There is no data folder" in ran.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("anchor", ["3", "x:y", "1:abc"])
def test_anchors_that_make_no_sense(lemnos, data, anchor):
    assert lemnos("audit", "verify", "--anchor", anchor).code == 2


def test_migrate_check_changes_nothing(lemnos, tmp_path):
    assert lemnos("migrate", "--check").code == 1
    assert not (tmp_path / "data" / "lemnos.db").exists()
    done = lemnos("migrate", "--json").json
    assert (done["before"], done["current"]) == (None, True)
    assert lemnos("migrate", "--check").code == 0


def test_openapi_needs_no_server(lemnos):
    as_json = lemnos("openapi").json
    assert "/api/v1/tasks" in as_json["paths"]
    assert yaml.safe_load(lemnos("openapi", "--yaml").out) == as_json
    assert lemnos("openapi", "--yaml", "--json").code == 2


def test_doctor_tells_what_is_missing(lemnos, data, monkeypatch, tmp_path):
    data.chmod(0o755)
    monkeypatch.setenv("LEMNOS_CLAUDE_PATH", str(tmp_path / "no-claude"))
    monkeypatch.setenv("LEMNOS_PORT", "1")
    ran = lemnos("doctor", "--json")
    found = {one["name"]: one for one in ran.json["findings"]}
    assert ran.code == 0
    assert found["git"]["state"] == "ok"
    assert found["agent claude-code"]["state"] == "warning"
    assert found["agent builtin"]["state"] == "ok"
    assert found["data folder"]["hint"] == f"chmod 700 {data}"
    assert stat.S_IMODE(data.stat().st_mode) == 0o755
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = lemnos("doctor", "--json")
    assert ran.code == 1
    assert {one["name"]: one["state"] for one in ran.json["findings"]}["git"] == "failed"


@pytest.mark.parametrize("command", [("tasks", "list"), ("workspaces", "list"), ("mcp", "list")])
def test_no_server(lemnos, monkeypatch, command):
    monkeypatch.setenv("LEMNOS_PORT", "1")
    ran = lemnos(*command)
    assert ran.code == 3
    assert "lemnos serve" in ran.err
