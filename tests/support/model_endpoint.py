"""A scripted model endpoint that the real coding CLIs take for Anthropic or OpenAI.

    with ModelEndpoint(Say("Hello.")) as endpoint:
        ...  # ANTHROPIC_BASE_URL=endpoint.url, or base_url=endpoint.url + "/v1" for OpenAI

It serves `/v1/messages`, `/v1/messages/count_tokens`, `/v1/responses`, `/v1/chat/completions` and
`/v1/models`. What the CLIs ask on the side (a title, a quota check) is answered in passing and
takes no turn from the script.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.loopback import ConnectionReset, LoopbackServer, Reply, Request
from tests.support.model_script import (
    Completed,
    Drop,
    EndlessStream,
    Fail,
    Hang,
    Say,
    Script,
    Slow,
    Turn,
    answer_of,
)
from tests.support.model_wire import Wire
from tests.support.model_wire.anthropic import AnthropicWire
from tests.support.model_wire.chat import ChatWire
from tests.support.model_wire.responses import ResponsesWire

WIRES: dict[str, Wire] = {
    "/messages": AnthropicWire(),
    "/responses": ResponsesWire(),
    "/chat/completions": ChatWire(),
}
SESSION_HEADERS = ("x-claude-code-session-id", "session-id")
SSE_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
SIDE_ANSWER = Say('{"title": "Scripted work", "isNewTopic": false}')


@dataclass
class Exchange:
    """One request as it was seen, and what became of it.

    `kind`: a turn of a script, a side request, or anything else (HEAD /, models, token counts).
    `outcome`: "open" while it is being answered, "sent" when all went out, "reset" when the script
    broke the connection, "hung up" when the client did.
    """

    request: Request
    kind: Literal["turn", "side", "other"]
    body: Any = None
    turn: Turn | None = None
    outcome: Literal["open", "sent", "reset", "hung up"] = "open"

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def credential(self) -> str | None:
        """The API key, out of `x-api-key` or a bearer token."""
        headers = self.request.headers
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return headers.get("x-api-key") or bearer or None


@dataclass
class _Progress:
    """How far a script is: completed turns per conversation, faults over all of them."""

    answers: Counter[str] = field(default_factory=Counter)
    begun_at: dict[str, int] = field(default_factory=dict)
    faults: Counter[int] = field(default_factory=Counter)


class ModelEndpoint(LoopbackServer):
    """Answers each conversation with the turns of the script that its prompts ask for.

    A client that names its session (Claude Code, Codex) gets turn after turn; one that does not is
    placed by the number of assistant turns in what it sends. A conversation without any assistant
    turn starts at the beginning. When a script is at its end, or none fits, the answer is a 400
    which no client retries, and `problems` says so.
    """

    def __init__(self, *turns: Turn | Script) -> None:
        super().__init__()
        self.exchanges: list[Exchange] = []
        self.problems: list[str] = []
        self._changed = threading.Condition()
        self._scripts: list[Script] = []
        self._progress: list[_Progress] = []
        self.play(*turns)

    def play(self, *turns: Turn | Script) -> None:
        """Replace the scripts. Loose turns make one script, for every conversation left over."""
        loose = [turn for turn in turns if not isinstance(turn, Script)]
        scripts = [script for script in turns if isinstance(script, Script)]
        with self._changed:
            self._scripts = [*scripts, Script(loose)] if loose else scripts
            self._progress = [_Progress() for _ in self._scripts]

    @property
    def turns(self) -> list[Exchange]:
        """The requests that took a turn."""
        with self._changed:
            return [exchange for exchange in self.exchanges if exchange.kind == "turn"]

    def wait_for(
        self, condition: Callable[[list[Exchange]], bool], timeout: float = 30
    ) -> list[Exchange]:
        """Wait until the requests with turns meet the condition, and return them.

        Raises TimeoutError after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                turns = [exchange for exchange in self.exchanges if exchange.kind == "turn"]
                if condition(turns):
                    return turns
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"after {timeout} s there were {len(turns)} turns")

    def answer(self, request: Request) -> Reply:
        wire = next((w for end, w in WIRES.items() if request.path.endswith(end)), None)
        if wire is None or request.method != "POST":
            self._record(Exchange(request, "other", outcome="sent"))
            return _small_talk(request)
        body = request.json()
        if _is_side_request(request, body):
            exchange = self._record(Exchange(request, "side", body, SIDE_ANSWER))
            return self._perform(exchange, wire, SIDE_ANSWER)
        turn = self._next_turn(wire, request, body)
        exchange = self._record(Exchange(request, "turn", body, turn))
        if turn is None:
            return self._no_turn(exchange, wire)
        return self._perform(exchange, wire, turn)

    def _next_turn(self, wire: Wire, request: Request, body: dict[str, Any]) -> Turn | None:
        texts = wire.user_texts(body)
        said = wire.assistant_turns(body)
        session = next((request.headers[h] for h in SESSION_HEADERS if h in request.headers), None)
        key = session or hashlib.sha256("\n".join(texts[:1]).encode()).hexdigest()
        with self._changed:
            place = _fitting(self._scripts, texts, str(body.get("model")))
            if place is None:
                return None
            progress = self._progress[place]
            begun_at = progress.begun_at.setdefault(key, said)
            if session is None or said == 0:
                progress.answers[key] = max(0, said - begun_at)
            turn = self._scripts[place].after(progress.answers[key], progress.faults)
            if isinstance(turn, Completed):
                progress.answers[key] += 1
            return turn

    def _record(self, exchange: Exchange) -> Exchange:
        with self._changed:
            self.exchanges.append(exchange)
            self._changed.notify_all()
        return exchange

    def _settle(self, exchange: Exchange, outcome: Literal["sent", "reset", "hung up"]) -> None:
        with self._changed:
            exchange.outcome = outcome
            self._changed.notify_all()

    def _no_turn(self, exchange: Exchange, wire: Wire) -> Reply:
        problem = "no turn is left in the script for this conversation"
        self.problems.append(problem)
        self._settle(exchange, "sent")
        return Reply.json(wire.error(400, problem), 400)

    def _perform(self, exchange: Exchange, wire: Wire, turn: Turn) -> Reply:
        if isinstance(turn, Fail):
            self._settle(exchange, "sent")
            return _failure(wire, turn)
        if exchange.body.get("stream"):
            pieces = self._watched(exchange, self._pieces(exchange.body, wire, turn))
            return Reply(200, pieces, dict(SSE_HEADERS))
        if isinstance(turn, Completed):
            self._settle(exchange, "sent")
            return Reply.json(wire.whole(exchange.body, answer_of(turn)))
        if not isinstance(turn, Drop):
            self.closing.wait()  # without a stream there is no other way to hang
        self._settle(exchange, "reset")
        raise ConnectionReset

    def _watched(self, exchange: Exchange, pieces: Iterator[bytes]) -> Iterator[bytes]:
        outcome: Literal["sent", "reset", "hung up"] = "hung up"
        try:
            yield from pieces
            outcome = "sent"
        except ConnectionReset:
            outcome = "reset"
            raise
        finally:
            self._settle(exchange, outcome)

    def _pieces(self, body: dict[str, Any], wire: Wire, turn: Turn) -> Iterator[bytes]:
        if isinstance(turn, Completed):
            pieces = iter(wire.stream(body, answer_of(turn)))
            if isinstance(turn, Slow):
                yield next(pieces)
                self.closing.wait(turn.seconds)
            yield from pieces
            return
        yield from wire.opening(body)
        yield wire.word("Working ")
        if isinstance(turn, Hang):
            self.closing.wait()
        if isinstance(turn, Drop):
            self.closing.wait(turn.after)
        while isinstance(turn, EndlessStream) and not self.closing.wait(turn.interval):
            yield wire.word("on and ")
        raise ConnectionReset


def _fitting(scripts: list[Script], texts: list[str], model: str) -> int | None:
    """The place of the script whose words stand in the latest prompt, else in an earlier one.

    Scripts for the model go before those for any.
    """
    places = [place for place, script in enumerate(scripts) if script.model in ("", model)]
    places.sort(key=lambda place: not scripts[place].model)
    for text in reversed(texts):
        for place in places:
            if scripts[place].when and scripts[place].when in text:
                return place
    return next((place for place in places if not scripts[place].when), None)


def _is_side_request(request: Request, body: dict[str, Any]) -> bool:
    """Claude Code asks for titles, topics and its quota without tools; its real work has some."""
    is_claude = request.headers.get("user-agent", "").startswith("claude-cli")
    return is_claude and not body.get("tools")


def _failure(wire: Wire, turn: Fail) -> Reply:
    headers = {} if turn.retry_after is None else {"Retry-After": f"{turn.retry_after:g}"}
    if isinstance(turn.body, str):
        return Reply(turn.status, turn.body.encode(), {"Content-Type": "text/plain", **headers})
    body = wire.error(turn.status, "scripted failure") if turn.body is None else turn.body
    return Reply.json(body, turn.status, headers)


def _small_talk(request: Request) -> Reply:
    if request.path.endswith("/messages/count_tokens"):
        return Reply.json({"input_tokens": max(1, len(json.dumps(request.json())) // 4)})
    if request.path.endswith("/models"):
        model = {"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}
        return Reply.json({"object": "list", "data": [model], "has_more": False})
    if request.path == "/":
        return Reply.json({})
    return Reply.json({"error": {"message": f"no such path: {request.path}"}}, 404)
