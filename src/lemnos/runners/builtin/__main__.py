"""`python -I -m lemnos.runners.builtin`: one run of the built-in agent, over stdin and stdout."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from lemnos.runners.builtin.protocol import Emitter, Outcome, Request
from lemnos.runners.builtin.session import NoSuchSession, Session

EXIT_CODES = {"completed": 0, "failed": 1, "cancelled": 130}


class Cancelled(BaseException):
    """SIGTERM came. Not an Exception, so that no tool's error handling swallows it."""


def main() -> int:
    emitter = Emitter.claim_stdout()
    signal.signal(signal.SIGTERM, _cancel)
    try:
        request = Request.decode(sys.stdin.buffer.readline())
        threading.Thread(target=_cancel_on_next_line, daemon=True).start()
        return _run(request, emitter)
    except (ValueError, TypeError, KeyError) as error:
        outcome = Outcome("failed", error=f"bad request: {error}", error_class="agent")
    except NoSuchSession as error:
        outcome = Outcome("failed", error=str(error), error_class="agent")
    except Cancelled:
        outcome = Outcome("cancelled", error="cancelled")
    return _finish(emitter, outcome, "")


def _run(request: Request, emitter: Emitter) -> int:
    folder = Path(request.sessions)
    session = Session.open(folder, request.resume)
    mode = "model" if request.endpoint else "tools"
    root = Path.cwd().resolve()
    session.save(folder)  # what is announced can be resumed, even if this run is killed
    emitter.emit("started", session=session.id, mode=mode, model=request.model, cwd=str(root))
    try:
        if request.operation:
            from lemnos.runners.builtin.refactorings.run import run as refactor

            outcome = refactor(request, emitter, root)
        elif request.endpoint:
            from lemnos.runners.builtin.model.loop import run as run_with_model

            outcome = run_with_model(request, session, emitter, root)
        else:
            from lemnos.runners.builtin.toolsmith import run as run_with_tools

            outcome = run_with_tools(request, emitter, root)
    except Cancelled:
        outcome = Outcome("cancelled", error="cancelled", error_class="none")
    except Exception as error:
        traceback.print_exc()
        fault = f"the built-in agent failed: {type(error).__name__}: {error}"
        outcome = Outcome("failed", error=fault, error_class="agent")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is left to do takes no time
    session.runs.append({"prompt": request.prompt, "mode": mode, **asdict(outcome)})
    try:
        session.save(folder)
    except OSError as error:  # a full disk: the outcome is told all the same
        emitter.emit("error", text=f"the session was not saved: {error}", error_class="agent")
    return _finish(emitter, outcome, session.id)


def _finish(emitter: Emitter, outcome: Outcome, session: str) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if outcome.verdict == "failed":
        emitter.emit("error", text=outcome.error, error_class=outcome.error_class)
    emitter.emit("result", session=session, **asdict(outcome))
    return EXIT_CODES[outcome.verdict]


def _cancel_on_next_line() -> None:
    """Pass a cancellation over stdin on to the main thread, where it ends whatever is waited for.

    Reads the descriptor itself: a thread that waits in a buffered reader cannot be left behind.
    """
    main_thread = threading.main_thread().ident
    if os.read(0, 1) and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGTERM)


def _cancel(_number: int, _frame: FrameType | None) -> None:
    raise Cancelled


if __name__ == "__main__":
    sys.exit(main())
