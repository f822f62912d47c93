"""What one run has used of its model, and whether it may go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lemnos.runners.gateway.prices import Price, PriceTable, Tokens
from lemnos.runners.gateway.usage import UsageReader

_NONE = Tokens()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the run's events should show.

    ``usage``: a model call has ended. ``over_budget``, ``out_of_turns``: the run has to end.
    ``denied_host``: the agent tried to reach a host that it may not. ``refused``: a request to
    the gateway that it does not serve (a wrong token, a model without a price).
    """

    kind: Literal["usage", "over_budget", "out_of_turns", "denied_host", "refused"]
    message: str
    model: str = ""
    host: str = ""
    tokens: Tokens = _NONE
    cost_usd: float | None = None
    total_usd: float | None = None


class Refused(Exception):
    """A request that the gateway answers itself, with this HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class OverBudget(Refused):
    """The run's budget is spent."""

    def __init__(self, budget: float) -> None:
        message = f"The budget of this run, {budget:.2f} US dollars, is spent."
        super().__init__(400, "budget_exceeded", message)  # a 400 is not tried again by any CLI


class Call:
    """One model call under way."""

    def __init__(self, meter: Meter, prices: PriceTable, model: str, request_bytes: int) -> None:
        self.model = model
        self.reader = UsageReader(request_bytes)
        self._meter = meter
        self._prices = prices
        self._price, self._price_of = prices.get(model), ""

    @property
    def price(self) -> Price | None:
        """Of the model that answers, which need not be the one whose name was asked for."""
        if self._price_of != self.reader.model:  # asked with each piece of an answer
            self._price_of = self.reader.model
            self._price = self._prices.listed(self._price_of) or self._prices.get(self.model)
        return self._price

    @property
    def cost(self) -> float | None:
        """US dollars so far, None when the model's price is unknown."""
        price = self.price
        return None if price is None else price.cost(self.reader.tokens)

    def check(self) -> None:
        """Raise OverBudget when the run, with what this call has used so far, is over it."""
        self._meter.check()

    def close(self) -> None:
        """The call has ended, in whatever way: what it used counts."""
        self.reader.finish()
        self._meter.settle(self)


class Meter:
    """Adds up the calls of a run against its budget in US dollars (None: without limit)."""

    def __init__(
        self,
        budget: float | None,
        prices: PriceTable,
        notify: Callable[[Notice], None],
        max_calls: int | None = None,
    ) -> None:
        self._budget = budget
        self._max_calls = max_calls
        self._prices = prices
        self._notify = notify
        self._open: set[Call] = set()
        self._settled_cost = 0.0
        self._cost_unknown = False
        self._told = False
        self.tokens = Tokens()
        self.calls = 0
        self.out_of_turns = ""  # why the run was ended, when it was for its number of calls
        self.unpriced = ""  # why a call was refused whose price is not known

    @property
    def cost(self) -> float | None:
        """US dollars of all calls; None when there were none, or one without a known price."""
        if self._cost_unknown or not self.calls:
            return None
        return self._settled_cost

    @property
    def over_budget(self) -> bool:
        """Whether the budget was passed at any time."""
        return self._told

    def begin(self, model: str, request_bytes: int) -> Call:
        """Start a call. Raises OverBudget, or Refused when a limit is reached or can't be kept."""
        if self._max_calls is not None and self.calls >= self._max_calls:
            self.out_of_turns = f"The limit of {self._max_calls} turns was reached."
            self._notify(Notice("out_of_turns", self.out_of_turns))
            raise Refused(400, "out_of_turns", self.out_of_turns)
        if self._budget is not None:
            if self._prices.get(model) is None:
                self.unpriced = (
                    f"The price of the model {model!r} is not known, so the budget of this run "
                    "could not be kept. Set a price for it, or run without a budget."
                )
                raise Refused(400, "unknown_price", self.unpriced)
            self.check(at_least=True)
        call = Call(self, self._prices, model, request_bytes)
        self._open.add(call)
        self.calls += 1
        return call

    def check(self, *, at_least: bool = False) -> None:
        """Raise OverBudget when more than the budget (or all of it) is spent."""
        if self._budget is None:
            return
        spent = self._settled_cost + sum(call.cost or 0.0 for call in self._open)
        if spent > self._budget or (at_least and spent >= self._budget):
            error = OverBudget(self._budget)
            if not self._told:
                self._told = True
                self._notify(Notice("over_budget", error.message, total_usd=spent))
            raise error

    def settle(self, call: Call) -> None:
        """Count a call that has ended."""
        if call not in self._open:
            return
        self._open.discard(call)
        tokens, cost = call.reader.tokens, call.cost
        self.tokens += tokens
        self._settled_cost += cost or 0.0
        self._cost_unknown = self._cost_unknown or cost is None
        if tokens != _NONE:
            message = f"{tokens.all_input} input and {tokens.output} output tokens"
            self._notify(
                Notice(
                    "usage", message, call.model, tokens=tokens, cost_usd=cost, total_usd=self.cost
                )
            )
