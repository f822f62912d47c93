"""The name under which the ORCHEX reference imports its SDK; everything else is in lemnos_sdk."""

from lemnos_sdk import ORCHEX, AsyncORCHEX, __version__

__all__ = ["ORCHEX", "AsyncORCHEX", "__version__"]
