"""The routing decision: who may do a piece of work, in which order, and why others may not. Pure.

score = 0.4 capability + 0.3 performance + 0.2 availability + 0.1 cost, each from 0 to 100.

The order of the tiers: agents whose estimate is within the cap come before those over it, then
preferred providers before the others, then agents that have room now before those that are full,
and among equals the higher score. So what is not preferred remains as a fallback. The strategy
chooses the first tier among the equals at the top. [ours], where the sources are silent: with a
cap and no estimate the cost term is 50; a part of performance that is not known yet counts as 50.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from operator import attrgetter
from random import Random

from lemnos.domains.agents import breaker as breakers
from lemnos.domains.agents.fallback import tries
from lemnos.domains.agents.health import FACTORS, health_of
from lemnos.domains.agents.model import (
    Agent,
    Ask,
    Candidate,
    Decision,
    Health,
    LeftOut,
    Performance,
    RetryPolicy,
    Status,
    Strategy,
    Terms,
)
from lemnos.kernel.clock import SECOND

LISTED = 50  # candidates, and agents left out, that a decision lists at most
FULL_AT = 0.9  # share of max_concurrent_tasks from which an agent takes no more
MINUTE = 60 * SECOND
SLOW_MS = 10_000.0  # a mean response time that earns nothing
UNKNOWN = 50.0  # a term that nothing is known of yet

# Why an agent is left out, where waiting may help.
PASSING = frozenset({"circuit_open", "offline"})

_BAND = 200.0  # wider than any score: what stands before the score in the order
_rank = attrgetter("rank")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an agent's work: now, in the last minute, and over 24 hours."""

    running: int = 0
    started: int = 0  # attempts begun in the last 60 s
    performance: Performance = field(default_factory=Performance)
    response_ms: float | None = None
    tokens: float | None = None  # that an attempt used on average


@dataclass(frozen=True, slots=True)
class Standing:
    """An agent as routing sees it at one moment; all that does not depend on the work asked for.

    ``obstacle`` is the code and text of what keeps it from any work. ``rank`` orders it for work
    that prefers nobody and has no cap.
    """

    agent_id: str
    provider: str
    capabilities: frozenset[str]
    max_tokens: int | None
    price: float | None  # US dollars for 1,000 tokens
    tokens: float | None  # that an attempt used on average
    retry: RetryPolicy
    load: float
    has_room: bool
    weight: float
    performance: float
    availability: float
    rank: float
    obstacle: tuple[str, str] | None = None


def standing(agent: Agent, facts: Facts, now: int, price: float | None, lack: str = "") -> Standing:
    """Where an agent stands; ``lack`` says why it has no runtime here, if so."""
    limits, rate = agent.constraints, facts.performance.success_rate
    health = health_of(agent.probe, agent.breaker, None if rate is None else 1 - rate)
    load = facts.running / limits.max_concurrent_tasks
    room = has_room(agent, facts.running, facts.started) and breakers.allows(agent.breaker, now)
    performance = performance_term(facts.performance.quality, rate)
    availability = availability_term(health, load, facts.response_ms)
    return Standing(
        agent_id=agent.agent_id,
        provider=agent.provider,
        capabilities=frozenset(agent.capabilities),
        max_tokens=limits.max_tokens,
        price=price,
        tokens=facts.tokens,
        retry=agent.config.retry_policy,
        load=load,
        has_room=room,
        weight=weight_of(agent.config.base_weight, load, health),
        performance=performance,
        availability=availability,
        rank=_BAND * room + score(Terms(100.0, performance, availability, 100.0)),
        obstacle=_obstacle(agent, health, now, lack),
    )


def has_room(agent: Agent, running: int, started: int) -> bool:
    """Whether its limits leave room: load under 90 %, attempts of the last 60 s under the rate."""
    limits = agent.constraints
    if limits.rate_limit_per_minute is not None and started >= limits.rate_limit_per_minute:
        return False
    return running / limits.max_concurrent_tasks < FULL_AT


def score(terms: Terms) -> float:
    """The weighted sum of the terms."""
    return (
        0.4 * terms.capability
        + 0.3 * terms.performance
        + 0.2 * terms.availability
        + 0.1 * terms.cost
    )


def capability_term(required: Collection[str], has: Collection[str]) -> float:
    """The share of the required capabilities that there are; all, when none is required."""
    if not required:
        return 100.0
    return 100.0 * sum(name in has for name in required) / len(required)


def performance_term(quality: float | None, success_rate: float | None) -> float:
    """0.6 quality + 0.4 success rate; what is not known yet counts as 50."""
    known_quality = UNKNOWN if quality is None else quality
    success = UNKNOWN if success_rate is None else 100.0 * success_rate
    return 0.6 * known_quality + 0.4 * success


def availability_term(health: Health, load: float, response_ms: float | None) -> float:
    """100 × (0.5 health + 0.3 (1 - load) + 0.2 (1 - min(mean response / 10 s, 1)))."""
    slow = min((response_ms or 0.0) / SLOW_MS, 1.0)
    return 100.0 * (0.5 * FACTORS[health] + 0.3 * max(0.0, 1.0 - load) + 0.2 * (1.0 - slow))


def cost_term(cap: float | None, estimate: float | None) -> float:
    """What would remain of the cap; 0 when the estimate is over it, 100 without a cap."""
    if cap is None:
        return 100.0
    if estimate is None:
        return UNKNOWN
    if estimate > cap:
        return 0.0
    return 100.0 * (cap - estimate) / cap if cap > 0 else 100.0


def weight_of(base_weight: float, load: float, health: Health) -> float:
    """base_weight × (1 - load) × health factor."""
    return base_weight * max(0.0, 1.0 - load) * FACTORS[health]


def estimate(one: Standing, tokens: int | None) -> float | None:
    """US dollars that an attempt of an agent will cost; None: not known.

    By the tokens of past attempts on average, else by those that the task expects to use.
    """
    if one.price == 0:
        return 0.0
    expected = tokens if one.tokens is None else one.tokens
    return None if expected is None or one.price is None else expected / 1000 * one.price


def in_order(standings: Iterable[Standing]) -> tuple[Standing, ...]:
    """As :func:`decide` wants them: the best first, so that sorting has little left to do."""
    return tuple(sorted(standings, key=lambda one: (-one.rank, one.agent_id)))


def decide(
    standings: Sequence[Standing], ask: Ask, default: Strategy, now: int, random: Random
) -> Decision:
    """Rank those who may do the work. ``random`` is for the weighted strategy."""
    strategy = ask.strategy or default
    if ask.agent_id:
        standings = [one for one in standings if one.agent_id == ask.agent_id]
        if not standings:
            unknown = LeftOut(ask.agent_id, "unknown_agent", "There is no such agent.")
            return Decision(strategy, now, left_out=(unknown,))
    fit, unfit = _sieved(standings, ask)
    ranked = sorted(fit, key=_ranking(ask), reverse=True)
    _put_first(ranked, ask, strategy, random)
    listed, refused = ranked[:LISTED], unfit[:LISTED]
    return Decision(
        strategy,
        now,
        tuple(_candidate(one, tier, ask) for tier, one in enumerate(listed)),
        tuple(LeftOut(one.agent_id, *why) for one in refused if (why := _why(one, ask))),
        len(fit) + len(unfit) - len(listed) - len(refused),
    )


def _sieved(standings: Iterable[Standing], ask: Ask) -> tuple[list[Standing], list[Standing]]:
    """Those who may do the work, and the rest, first who may be able to again soon.

    Runs for every agent, so it asks no more than whether.
    """
    required, excluded = frozenset(ask.required_capabilities), frozenset(ask.excluded_agents)
    tokens, broke = ask.max_tokens or 0, _broke(ask)
    fit: list[Standing] = []
    unfit: list[Standing] = []
    for one in standings:
        may = (
            one.obstacle is None
            and required <= one.capabilities
            and one.agent_id not in excluded
            and (one.max_tokens is None or tokens <= one.max_tokens)
            and not (broke and one.price != 0)
        )
        (fit if may else unfit).append(one)
    unfit.sort(key=_stays_out)
    return fit, unfit


def _stays_out(one: Standing) -> bool:
    return one.obstacle is None or one.obstacle[0] not in PASSING


def _why(one: Standing, ask: Ask) -> tuple[str, str] | None:
    """Why an agent cannot do the work: a code, and words; None when it can.

    What waiting cannot change comes first: nobody should wait for an agent that will never do.
    """
    if one.agent_id in ask.excluded_agents:
        return "excluded", "The task excludes it."
    if lacking := [name for name in ask.required_capabilities if name not in one.capabilities]:
        return "missing_capability", f"It lacks {', '.join(lacking)}."
    if ask.max_tokens and one.max_tokens is not None and ask.max_tokens > one.max_tokens:
        return "max_tokens", f"It gives at most {one.max_tokens} tokens, not {ask.max_tokens}."
    if _broke(ask) and one.price != 0:
        return "no_budget", "Nothing is left of the task's budget."
    return one.obstacle


def _broke(ask: Ask) -> bool:
    return ask.max_cost_usd is not None and ask.max_cost_usd <= 0


def _ranking(ask: Ask) -> Callable[[Standing], float]:
    """The sort key of an agent for this work: its band, then its score."""
    if ask.max_cost_usd is None and not ask.preferred_providers:
        return _rank
    cap, preferred = ask.max_cost_usd, frozenset(ask.preferred_providers)

    def rank(one: Standing) -> float:
        found = one.rank
        if one.provider in preferred:
            found += 2 * _BAND
        if cap is not None:
            expected = estimate(one, ask.tokens)
            found += 0.1 * (cost_term(cap, expected) - 100.0)
            if expected is None or expected <= cap:
                found += 4 * _BAND
        return found

    return rank


def _put_first(ranked: list[Standing], ask: Ask, strategy: Strategy, random: Random) -> None:
    """Move the one that the strategy chooses to the front, from the band that stands there."""
    if strategy is Strategy.BEST_SCORE or not ranked:
        return
    rank = _ranking(ask)
    band = rank(ranked[0]) // _BAND
    front = list(takewhile(lambda one: rank(one) // _BAND == band, ranked))
    if strategy is Strategy.LEAST_LOADED:
        chosen = min(range(len(front)), key=lambda place: front[place].load)
    else:
        weights = [one.weight for one in front]
        places = range(len(front))
        chosen = random.choices(places, weights)[0] if any(weights) else 0
    ranked.insert(0, ranked.pop(chosen))


def _candidate(one: Standing, tier: int, ask: Ask) -> Candidate:
    expected = estimate(one, ask.tokens)
    terms = Terms(
        capability_term(ask.required_capabilities, one.capabilities),
        one.performance,
        one.availability,
        cost_term(ask.max_cost_usd, expected),
    )
    return Candidate(
        agent_id=one.agent_id,
        tier=tier,
        score=score(terms),
        terms=terms,
        weight=one.weight,
        tries=tries(one.retry, tier),
        has_room=one.has_room,
        estimated_cost_usd=expected,
    )


def _obstacle(agent: Agent, health: Health, now: int, lack: str) -> tuple[str, str] | None:
    if agent.status is not Status.ACTIVE:
        return agent.status.value, f"Its owner has set it to {agent.status.value}."
    if lack:
        return "no_runtime", lack
    if health is Health.OFFLINE:
        problem = agent.probe.problem if agent.probe else ""
        return "offline", f"It cannot work: {problem}."
    if breakers.blocked(agent.breaker, now):
        return "circuit_open", "It failed too often in a row, and rests for a minute."
    return None
