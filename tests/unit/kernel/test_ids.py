"""Identifiers: their form, that they are ordered by time, and that none comes twice."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from lemnos.kernel import ids


def at(monkeypatch: pytest.MonkeyPatch, milliseconds: int) -> None:
    monkeypatch.setattr("time.time_ns", lambda: milliseconds * 1_000_000)


def test_uuids_are_of_version_7_and_say_when(monkeypatch: pytest.MonkeyPatch):
    at(monkeypatch, 1_736_937_000_123)
    made = uuid.UUID(ids.new_uuid())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_736_937_000_123


@pytest.mark.parametrize("make", [ids.new_uuid, lambda: ids.new_id("dlv")])
def test_later_ones_sort_behind(monkeypatch: pytest.MonkeyPatch, make):
    made = []
    for moment in (1, 31, 32, 1_736_937_000_123, 1_736_937_000_124, 2**47):
        at(monkeypatch, moment)
        made.append(make())
    assert made == sorted(made)


def test_ids_have_a_prefix_and_26_characters():
    assert re.fullmatch(r"task_[0-9a-hjkmnp-tv-z]{26}", ids.new_id("task"))


@pytest.mark.parametrize(
    "make", [ids.new_uuid, ids.new_trace_id, ids.new_request_id, lambda: ids.new_id("x")]
)
def test_none_comes_twice_from_many_threads(make):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make(), range(20_000)))
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("550e8400-e29b-41d4-a716-446655440000", True),
        ("550E8400-E29B-41D4-A716-446655440000", False),
        ("550e8400e29b41d4a716446655440000", False),
        ("{550e8400-e29b-41d4-a716-446655440000}", False),
        ("", False),
        ("x" * 36, False),
    ],
)
def test_a_uuid_is_one_in_its_canonical_form_only(text: str, is_one: bool):
    assert ids.is_uuid(text) is is_one
