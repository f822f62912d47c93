"""Which server, and with which key."""

from __future__ import annotations

import json
import os

import pytest

from lemnos.cli.discovery import find_server, running
from lemnos.cli.errors import WrongUsage


@pytest.fixture
def data(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("LEMNOS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEMNOS_DATA", str(tmp_path))
    (tmp_path / "api.key").write_text("lk_owner\n")
    return tmp_path


def record(data, url: str, pid: int) -> None:
    (data / "server.json").write_text(json.dumps({"url": url, "pid": pid}))


def test_the_running_server_of_the_data_folder(data):
    record(data, "http://127.0.0.1:4321", os.getpid())
    found = find_server(None, None)
    assert (found.url, found.key, found.chosen) == ("http://127.0.0.1:4321", "lk_owner", False)


def test_a_record_that_a_dead_server_left_is_passed_over(data):
    record(data, "http://127.0.0.1:4321", 2**22 + 1)  # over the largest process id
    assert running(data) is None
    assert find_server(None, None).url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"url": "x", "pid": "y"}'])
def test_a_record_that_makes_no_sense_is_passed_over(data, text):
    (data / "server.json").write_text(text)
    assert running(data) is None


def test_what_is_named_goes_first(data, monkeypatch):
    record(data, "http://127.0.0.1:4321", os.getpid())
    monkeypatch.setenv("LEMNOS_URL", "http://localhost:1/")
    monkeypatch.setenv("LEMNOS_API_KEY", "lk_env")
    found = find_server(None, None)
    assert (found.url, found.key, found.chosen) == ("http://localhost:1", "lk_env", True)
    found = find_server("http://[::1]:2", "lk_flag")
    assert (found.url, found.key) == ("http://[::1]:2", "lk_flag")


def test_the_owners_key_never_leaves_this_machine(data):
    assert find_server("https://lemnos.example", None).key == ""
    assert find_server("http://127.0.0.1.example", None).key == ""
    assert find_server("http://localhost:9", None).key == "lk_owner"


def test_the_configured_port_where_none_runs(data, monkeypatch):
    monkeypatch.setenv("LEMNOS_PORT", "8123")
    assert find_server(None, None).url == "http://127.0.0.1:8123"


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://", "127.0.0.1:8000"])
def test_what_is_no_url_is_refused(data, url):
    with pytest.raises(WrongUsage, match="is not the URL of a server"):
        find_server(url, None)


def test_settings_that_are_wrong_are_refused(data, monkeypatch):
    monkeypatch.setenv("LEMNOS_BOGUS", "1")
    with pytest.raises(WrongUsage, match="bogus"):
        find_server(None, None)
