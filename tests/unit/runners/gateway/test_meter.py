"""Prices, costs and budgets."""

from __future__ import annotations

import json

import pytest

from lemnos.runners.gateway.meter import Meter, Notice, OverBudget, Refused
from lemnos.runners.gateway.prices import KNOWN, Price, PriceTable, Tokens

MODEL = "claude-sonnet-4-5"


def _meter(budget: float | None = None, max_calls: int | None = None) -> tuple[Meter, list[Notice]]:
    notices: list[Notice] = []
    return Meter(budget, PriceTable(), notices.append, max_calls), notices


def _spend(meter: Meter, input: int, output: int, model: str = MODEL) -> None:
    call = meter.begin(model, 100)
    usage = {"usage": {"input_tokens": input, "output_tokens": output}}
    call.reader.feed_document(json.dumps(usage).encode())
    call.close()


@pytest.mark.parametrize(
    "name",
    [
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5[1m]",
        "anthropic/claude-sonnet-4-5-latest",
        "claude-sonnet-4-5@20250929",
    ],
)
def test_a_model_is_known_by_all_its_names(name: str) -> None:
    assert PriceTable().get(name) == KNOWN["claude-sonnet-4-5"]


def test_a_model_is_not_priced_as_another_that_its_name_begins_with() -> None:
    assert PriceTable().get("gpt-5.5") is None
    assert PriceTable().get("gpt-5-mini-2025-08-07") == KNOWN["gpt-5-mini"]


def test_an_operators_prices_go_first() -> None:
    own, default = Price.anthropic(1, 2), Price.openai(9, 9, 9)
    table = PriceTable({MODEL: own}, default)

    assert table.get(f"{MODEL}-20250929") == own
    assert table.get("whatever") == default


def test_a_cost_is_the_sum_of_its_parts() -> None:
    tokens = Tokens(1_000_000, 100_000, 2_000_000, 400_000, 500_000)

    assert Price.anthropic(3, 15).cost(tokens) == pytest.approx(3 + 1.5 + 0.6 + 1.5 + 3.0)


def test_calls_add_up() -> None:
    meter, notices = _meter()
    _spend(meter, 1_000_000, 0)
    _spend(meter, 0, 100_000)

    assert meter.cost == pytest.approx(4.5)
    assert meter.tokens == Tokens(1_000_000, 100_000)
    assert [notice.kind for notice in notices] == ["usage", "usage"]
    assert notices[-1].total_usd == pytest.approx(4.5)


def test_one_unknown_price_makes_the_cost_unknown() -> None:
    meter, _ = _meter()
    _spend(meter, 10, 10)
    _spend(meter, 10, 10, model="model-x")

    assert meter.cost is None
    assert meter.tokens == Tokens(20, 20)


def test_a_call_that_would_begin_over_budget_is_refused() -> None:
    meter, notices = _meter(budget=3.0)
    _spend(meter, 1_000_000, 0)

    with pytest.raises(OverBudget):
        meter.begin(MODEL, 100)
    assert [notice.kind for notice in notices] == ["usage", "over_budget"]
    assert meter.over_budget


def test_a_stream_that_passes_the_budget_is_told_once() -> None:
    meter, notices = _meter(budget=0.001)
    call = meter.begin(MODEL, 40)
    call.check()
    call.reader.feed(b'data: {"delta": "' + b"x" * 4_000 + b'"}\n')

    for _ in range(2):
        with pytest.raises(OverBudget):
            call.check()
    assert [notice.kind for notice in notices] == ["over_budget"]


def test_streams_side_by_side_share_the_budget() -> None:
    meter, _ = _meter(budget=0.02)
    calls = [meter.begin(MODEL, 40) for _ in range(3)]
    for call in calls:
        call.reader.feed(b'data: {"delta": "' + b"x" * 2_000 + b'"}\n')

    with pytest.raises(OverBudget):
        calls[0].check()


def test_the_price_is_that_of_the_model_that_answers() -> None:
    meter, _ = _meter(budget=100.0)
    call = meter.begin("claude-haiku-4-5", 100)
    answer = {"model": "claude-opus-4-8", "usage": {"input_tokens": 1_000_000, "output_tokens": 0}}
    call.reader.feed(b"data: " + json.dumps({"message": answer}).encode() + b"\n")
    call.close()

    assert meter.cost == pytest.approx(5.0)


def test_a_budget_needs_a_price() -> None:
    meter, _ = _meter(budget=1.0)

    with pytest.raises(Refused, match="price"):
        meter.begin("model-x", 100)
    assert "model-x" in meter.unpriced


def test_an_agents_own_price_is_for_models_that_the_table_does_not_know() -> None:
    table = PriceTable(default=Price.openai(1, 2, 1)).with_default(Price.flat(0.003))

    assert table.get("model-x") == Price(3, 3, 3, 3, 3)
    assert table.get(MODEL) == KNOWN[MODEL]
    assert PriceTable().get("model-x") is None

    told: list[Notice] = []
    meter = Meter(0.45, table, told.append)
    _spend(meter, 100_000, 50_000, "model-x")
    assert meter.cost == pytest.approx(0.45)
    with pytest.raises(OverBudget):
        meter.begin("model-x", 100)


def test_the_number_of_calls_is_limited() -> None:
    meter, notices = _meter(max_calls=1)
    _spend(meter, 10, 10)

    with pytest.raises(Refused, match="1 turns"):
        meter.begin(MODEL, 100)
    assert notices[-1].kind == "out_of_turns"
