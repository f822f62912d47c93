"""What the forges with a REST API have in common: names, refusals, checking a token."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from lemnos.adapters.forges.http import Answer, ForgeHttp
from lemnos.domains.integrations.ports import Verified
from lemnos.kernel.errors import Forbidden, Invalid, LemnosError, NotFound, Unprocessable
from lemnos.kernel.redact import Redactor


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A repository on its host: ``path`` has two parts, or more where groups nest."""

    path: str

    @property
    def owner(self) -> str:
        """The user, organisation or outermost group."""
        return self.path.partition("/")[0]


def repository_name(repo_url: str, *, nested: bool = False) -> RepositoryName:
    """Read ``owner/name`` from a repository's address. Raises ``Invalid``."""
    path = urlsplit(repo_url).path.strip("/").removesuffix(".git")
    parts = path.split("/")
    enough = len(parts) >= 2 if nested else len(parts) == 2
    if not enough or any(part in ("", ".", "..") for part in parts):
        text = "The address does not name a repository as owner/name."
        raise Invalid(text, code="bad_repository", fields={"repo_url": text})
    return RepositoryName(path)


def forge_error(answer: Answer, forge: str, token: str) -> LemnosError:
    """The error for an answer that is none of those the caller expects."""
    said = f"{forge} said: {Redactor([token]).text(answer.said)}"
    if answer.status == 401:
        return Forbidden(f"The token is not accepted. {said}", code="forge_auth_failed")
    if answer.status == 403:
        return Forbidden(f"The token may not do this. {said}", code="forge_forbidden")
    if answer.status == 404:
        return NotFound(
            f"No such repository, or the token may not see it. {said}",
            code="repository_not_found",
        )
    if 400 <= answer.status < 500:
        return Unprocessable(f"The request was refused. {said}", code="pull_request_refused")
    return LemnosError(f"An answer that makes no sense. {said}", code="forge_failed")


def text_of(answer: Answer, key: str) -> str:
    """A text field of an answer, "" where it has none."""
    value = answer.body.get(key) if isinstance(answer.body, dict) else None
    return value if isinstance(value, str) else ""


async def verify_token(
    http: ForgeHttp, token: str, user_url: str, repository_url: str, account_key: str, forge: str
) -> tuple[Verified, Answer]:
    """Ask whose the token is and, with ``repository_url``, whether it sees that repository.

    Tokens of apps and projects have no account to show: 403 still means that they are known.
    """
    answer = await http.call("GET", user_url, token=token)
    if answer.status == 401:
        return Verified(False, problem=f"{forge} does not accept the token."), answer
    if answer.status not in (200, 403):
        return Verified(False, problem=str(forge_error(answer, forge, token))), answer
    problem = ""
    if repository_url:
        seen = await http.call("GET", repository_url, token=token)
        if not seen.ok:
            problem = f"The token is valid, but {forge} does not show it this repository."
    return Verified(True, text_of(answer, account_key), problem=problem), answer
