"""The git port on the git command line, on our side of the trust boundary."""

from lemnos.adapters.git.client import GitCli
from lemnos.adapters.git.command import Timeouts
from lemnos.adapters.git.publish import Author

__all__ = ["Author", "GitCli", "Timeouts"]
