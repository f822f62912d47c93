"""The ``lemnos`` commands.

Exit codes: 0 all well; 1 a failure, or a task that failed; 2 wrong usage; 3 no server answers;
4 the credential is refused; 130 ended by Ctrl-C. ``lemnos guard-rails`` has 3 for gates without a
verdict, too.

What a command needs is imported when it runs, so that ``lemnos --help`` starts at once.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """The command line."""
    from lemnos.cli.app import app
    from lemnos.cli.errors import CommandError, as_command_error
    from lemnos.cli.output import tell
    from lemnos.kernel.errors import LemnosError

    try:
        app(prog_name="lemnos")
    except BrokenPipeError:
        # The reader has gone, as in `lemnos tasks list | head`; nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (CommandError, LemnosError, OSError, KeyboardInterrupt) as error:
        told = as_command_error(error)
        tell(told, as_json="--json" in sys.argv)
        sys.exit(told.exit_code)
