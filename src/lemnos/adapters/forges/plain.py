"""A remote with nothing but git: the pushed branch is the pull request."""

from __future__ import annotations

from lemnos.domains.integrations.ports import PullRequest, PullRequestDraft, Verified


class PlainRemote:
    """Says where the branch is, in words that git understands after ``git fetch``."""

    name = "generic"

    async def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """The branch's address: the repository, ``#``, and the branch."""
        return PullRequest(f"{draft.repo_url}#{draft.head}", None)

    async def verify(self, token: str, repo_url: str = "") -> Verified:
        """There is nobody to ask before the first clone."""
        return Verified(
            False, problem="A plain git remote has no API to ask: the first clone will tell."
        )
