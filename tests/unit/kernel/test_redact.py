"""Redaction: every form in which a secret turns up, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.kernel.redact import MASK, Redactor

SECRET = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30).filter(
    lambda text: not set(text) <= set(MASK)
)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(SECRET, AROUND, AROUND)
def test_a_secret_is_gone_from_any_text(secret: str, before: str, after: str):
    shown = Redactor([secret]).text(before + secret + after)
    assert secret not in shown or secret in before + MASK + after


@given(SECRET, AROUND, st.booleans())
def test_a_secret_is_gone_from_a_line_of_json_which_stays_json(
    secret: str, around: str, ascii_only: bool
):
    """Quotes, line breaks and other letters of a secret are escaped there."""
    line = json.dumps({"text": f"{around} {secret}"}, ensure_ascii=ascii_only).encode()
    shown = json.loads(Redactor([secret]).raw(line))["text"]
    assert MASK in shown
    assert secret not in shown.replace(MASK, "")


def test_a_longer_secret_is_masked_whole_where_a_shorter_one_is_its_beginning():
    shown = Redactor(["secret-one", "secret-one-and-more"]).text("secret-one-and-more")
    assert shown == MASK


def test_a_secret_in_a_url_is_found_when_it_is_quoted():
    assert "p%40ss" not in Redactor(["p@ss/word"]).text("https://h/?t=p%40ss%2Fword")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/x", "https://***@host/x"),
        ("git+ssh://git@host/x", "git+ssh://***@host/x"),
        ("fatal: 'http://t0ken@h/' not found", "fatal: 'http://***@h/' not found"),
        ("mail@example.org", "mail@example.org"),
        ("https://host/x@y", "https://host/x@y"),
    ],
)
def test_the_user_part_of_urls_is_masked(text: str, shown: str):
    assert Redactor().text(text) == shown


def test_words_too_short_to_be_secrets_stay():
    assert Redactor(["abc"]).text("abc abc") == "abc abc"
