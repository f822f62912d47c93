"""What git prints, as errors: one kind for each thing a caller can do about it."""

from __future__ import annotations

import pytest

from lemnos.adapters.git.errors import git_error
from lemnos.kernel.errors import Kind


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        (
            "fatal: Authentication failed for 'https://example.org/a/b/'",
            Kind.FORBIDDEN,
            "git_auth_failed",
        ),
        (
            "fatal: could not read Username for 'https://example.org': terminal prompts disabled",
            Kind.FORBIDDEN,
            "git_auth_failed",
        ),
        (
            "fatal: unable to access 'https://x.org/a/': The requested URL returned error: 403",
            Kind.FORBIDDEN,
            "git_auth_failed",
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://x.org/a/b/' not found",
            Kind.NOT_FOUND,
            "repository_not_found",
        ),
        (
            "fatal: '/srv/x.git' does not appear to be a git repository",
            Kind.NOT_FOUND,
            "repository_not_found",
        ),
        (
            "fatal: unable to access 'https://x.org/': Could not resolve host: x.org",
            Kind.UNAVAILABLE,
            "git_unavailable",
        ),
        (
            "fatal: unable to access 'http://x.org/': Failed to connect to x.org port 80",
            Kind.UNAVAILABLE,
            "git_unavailable",
        ),
        (
            "fatal: unable to access 'https://x.org/': The requested URL returned error: 502",
            Kind.UNAVAILABLE,
            "git_unavailable",
        ),
        (
            "fatal: unable to access 'https://x.org/': server certificate verification failed.",
            Kind.UNAVAILABLE,
            "git_unavailable",
        ),
        (
            "error: RPC failed; curl 56 Recv failure\nfatal: early EOF",
            Kind.UNAVAILABLE,
            "git_unavailable",
        ),
        (
            "fatal: write error: No space left on device\nfatal: early EOF",
            Kind.UNAVAILABLE,
            "disk_full",
        ),
        (
            "fatal: Out of memory, malloc failed (tried to allocate 9 bytes)",
            Kind.UNAVAILABLE,
            "git_out_of_memory",
        ),
        (
            " ! [remote rejected] topic -> topic (pre-receive hook declined)",
            Kind.CONFLICT,
            "push_rejected",
        ),
        ("fatal: something new", Kind.INTERNAL, "git_failed"),
    ],
)
def test_what_git_says(said: str, kind: Kind, code: str):
    error = git_error(said)
    assert (error.kind, error.code) == (kind, code)


def test_secrets_and_length_are_taken_out():
    said = "x" * 5000 + " https://user:pass@example.org/ t0ken-value end"
    message = git_error(said, ("t0ken-value",)).message
    assert "t0ken-value" not in message
    assert "pass" not in message
    assert message.endswith("end")
    assert len(message) < 700
