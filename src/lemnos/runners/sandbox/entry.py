"""The first program inside a sandbox: sets limits, carries loopback TCP to the gateway's socket.

Runs as ``python -I -S entry.py [--limit NAME=N]… [--gateway SOCKET --port N] -- ARGV…`` by
whichever Python there is, so it needs the standard library alone and imports little of it. The
real program is its child; it ends as its child ends.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading

CHUNK = 64 * 1024


def main(args: list[str]) -> int:
    """Start the program after ``--`` and return its exit code, 128 + n for signal n."""
    split = args.index("--")
    options, argv = args[:split], args[split + 1 :]
    pairs = list(zip(options[::2], options[1::2], strict=True))
    for name, value in pairs:
        if name == "--limit":
            lower(*value.split("="))
    be_first_to_go()
    gateway = dict(pairs).get("--gateway")
    if gateway:
        serve(gateway, int(dict(pairs)["--port"]))
    return run(argv)


def lower(name: str, value: str) -> None:
    """Lower a resource limit, for this process and its children."""
    kind = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(kind)[1]
    wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
    resource.setrlimit(kind, (wanted, wanted))


def be_first_to_go() -> None:
    """When the whole machine is short of memory, the kernel takes an agent, not the server."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return


def serve(gateway: str, port: int) -> None:
    """Listen on loopback and carry each connection to the unix socket."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    threading.Thread(target=accept, args=(listener, gateway), daemon=True).start()


def accept(listener: socket.socket, gateway: str) -> None:
    """Take connections for ever."""
    while True:
        client, _ = listener.accept()
        upstream = socket.socket(socket.AF_UNIX)
        try:
            upstream.connect(gateway)
        except OSError:
            client.close()
            upstream.close()
            continue
        for source, target in ((client, upstream), (upstream, client)):
            threading.Thread(target=carry, args=(source, target), daemon=True).start()


def carry(source: socket.socket, target: socket.socket) -> None:
    """Copy one direction to its end. The sockets close when both directions let go of them."""
    try:
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side is gone: break the other direction too, or its reader would wait for ever.
        for broken in (source, target):
            try:
                broken.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def run(argv: list[str]) -> int:
    """Run the program; signals that ask for an end are its own business."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        pid = os.posix_spawnp(argv[0], argv, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 127
    # Only the child holds the pipes from here on: their ends are seen when it closes them.
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
