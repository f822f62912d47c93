"""Both forms of a task's id name the same task."""

from __future__ import annotations

import pytest

from lemnos.kernel.ids import new_uuid, task_id_of, uuid_of_task


def test_there_and_back() -> None:
    task = new_uuid()
    assert len(task_id_of(task)) == len("task_") + 32
    assert uuid_of_task(task_id_of(task)) == task
    assert uuid_of_task(task) == task


@pytest.mark.parametrize("text", ["", "task_", "task_abc123", f"task_{'G' * 32}", "x" * 32])
def test_what_is_no_id_stays_what_it_is(text: str) -> None:
    assert uuid_of_task(text) == text
