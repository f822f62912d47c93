"""Sums over attempts."""

from __future__ import annotations

from lemnos.domains.agents.measures import Figures, mean_tokens


def test_tokens_of_an_attempt_leave_out_those_who_use_no_model():
    by_model = Figures(attempts=4, input_tokens=3_000, output_tokens=1_000)
    by_tools = Figures(attempts=100)
    assert mean_tokens([by_model, by_tools]) == 1_000
    assert mean_tokens([by_tools]) is None
    assert mean_tokens([]) is None
