"""Outcomes of steps survive their record unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.engine.codec import pack_error, pack_result, unpack
from lemnos.kernel.errors import Conflict, Invalid, LemnosError, NotFound

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class TaskBusy(Conflict):
    """With arguments that no codec can know."""

    def __init__(self, task: str, since: int) -> None:
        super().__init__(f"{task} is busy since {since}.", code="task_busy")


@given(json_values)
def test_results_come_back(value):
    assert unpack(pack_result(value)) == value


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError):
        pack_result(object())


def test_errors_come_back_with_all_they_say():
    error = Invalid(
        "No.", code="odd", fields={"name": "missing"}, details={"at": [1, 2]}, retry_after=0.5
    )
    with pytest.raises(Invalid) as caught:
        unpack(pack_error(error))
    assert vars(caught.value) == vars(error)
    assert str(caught.value) == "No."


def test_errors_of_domains_come_back_as_their_own_class():
    with pytest.raises(TaskBusy, match="task_1 is busy since 7") as caught:
        unpack(pack_error(TaskBusy("task_1", 7)))
    assert caught.value.code == "task_busy"


@pytest.mark.parametrize("name", ["gone.module:Busy", "os:system", "builtins:ValueError", ""])
def test_a_class_that_is_gone_or_none_of_ours_becomes_that_of_its_kind(name):
    text = pack_error(NotFound("Away.")).replace("lemnos.kernel.errors:NotFound", name)
    with pytest.raises(NotFound, match="Away"):
        unpack(text)


def test_details_that_are_not_json_do_not_lose_the_error():
    with pytest.raises(LemnosError) as caught:
        unpack(pack_error(LemnosError("Odd.", details={"thing": ValueError("x")})))
    assert caught.value.details == {"thing": "x"}
