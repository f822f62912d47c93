"""Programs that stand in for Claude Code where the agent's own speed must not count.

They speak its ``stream-json`` (see lemnos/runners/runtimes/claude_events.py) and are run as any
agent is: found, started in the sandbox, given the prompt, read through their pipe.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_WRITER = """#!{python} -IS
import json, os, sys, time
if "--version" in sys.argv:
    print("2.1.0 (Claude Code)")
    sys.exit()
prompt = json.loads(sys.stdin.readline())["message"]["content"]
plan = json.loads(prompt)
def line(said):
    return json.dumps(said, separators=(",", ":")).encode() + b"\\n"
def text(number):
    due = began + (number / plan["rate"] if plan["rate"] else 0)
    block = dict(type="text", text="%d %d %s" % (number, due * 1e6, "word " * plan["words"]))
    message = dict(id="msg_01", type="message", role="assistant", content=[block])
    return line(dict(type="assistant", message=message, session_id="s-1", uuid="u-%d" % number))
def out(data):
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest):]
began = time.time()
burst = b"" if plan["rate"] else b"".join(map(text, range(plan["count"])))
out(line(dict(type="system", subtype="init", session_id="s-1")))
while "go" in plan and not os.path.exists(plan["go"]):
    time.sleep(0.01)
if plan["rate"]:
    began = time.time()
    for number in range(plan["count"]):
        time.sleep(max(0.0, began + number / plan["rate"] - time.time()))
        out(text(number))
out(burst)
out(line(dict(type="result", subtype="success", result="done", is_error=False, session_id="s-1",
              num_turns=1, usage=dict(input_tokens=1, output_tokens=1))))
sys.stdin.read()
"""


def make_writer(folder: Path) -> Path:
    """An agent whose prompt is ``{"count", "rate" (a second, 0: at once), "words", "go"?}``.

    It writes that many text messages, each beginning with its number and the Unix time in
    microseconds at which it was due; with ``go`` it waits for that file to appear first.
    """
    return _program(folder / "writer", _WRITER)


def make_repository(folder: Path) -> Path:
    """A small repository with one commit."""
    subprocess.run(["git", "init", "--quiet", "-b", "main", folder], check=True)
    (folder / "README.md").write_text("A repository.\n")
    who = ["-c", "user.name=B", "-c", "user.email=b@localhost"]
    subprocess.run(["git", "-C", folder, "add", "."], check=True)
    subprocess.run(["git", "-C", folder, *who, "commit", "--quiet", "-m", "first"], check=True)
    return folder


def _program(path: Path, text: str) -> Path:
    path.write_text(text.replace("{python}", str(Path(sys.base_prefix, "bin", "python3"))))
    path.chmod(0o755)
    return path
