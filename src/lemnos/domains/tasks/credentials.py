"""Finding a task's secrets where they are sealed, for the processes that need them."""

from __future__ import annotations

from collections.abc import Callable

from lemnos.domains.integrations.service import KeyService
from lemnos.domains.tasks.model import Task, TaskSecrets
from lemnos.domains.workspaces.ports import Remote


class Credentials:
    """Opens the secrets of a task, and names its repository with the token for it."""

    def __init__(self, keys: KeyService, opened: Callable[[Task], TaskSecrets]) -> None:
        self._keys = keys
        self._opened = opened

    async def secrets(self, task: Task) -> TaskSecrets:
        """What was sealed with the task."""
        return self._opened(task)

    async def remote(self, task: Task) -> Remote:
        """The repository with the task's own token, else that of the key it names."""
        token, _ = await self.token(task)
        return Remote(task.repo_url, token, scope=task.tenant)

    async def token(self, task: Task) -> tuple[str, str]:
        """The token for the task's repository, and the provider of the key it came from."""
        own = self._opened(task).access_token
        if own or not task.provider_key:
            return own, ""
        key, token = await self._keys.open(task.tenant, task.provider_key, task.repo_url)
        return token, key.provider.value
