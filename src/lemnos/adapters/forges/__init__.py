"""Git hosts' APIs: pull requests and token checks on GitHub, GitLab, Gitea and plain remotes."""

from lemnos.adapters.forges.http import ForgeHttp
from lemnos.adapters.forges.registry import ForgeHost, ForgeRegistry

__all__ = ["ForgeHost", "ForgeHttp", "ForgeRegistry"]
