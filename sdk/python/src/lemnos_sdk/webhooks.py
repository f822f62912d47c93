"""Telling webhooks that Lemnos sent from those that anybody could have.

Both of its signatures are known: ``X-Signature-256`` (HMAC-SHA256 of the body, GitHub's form) and
those of `Standard Webhooks <https://www.standardwebhooks.com>`_, which also bind the time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from lemnos_sdk._errors import WebhookVerificationError

TOLERANCE = 300.0  # seconds that a signed time may be off


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> dict[str, Any]:
    """The content of a webhook that is signed with ``secret``, from its raw body and headers.

    Where it carries the Standard Webhooks signature, that one must hold, its time included.
    Raises WebhookVerificationError.
    """
    found = {name.lower(): value for name, value in headers.items()}
    if "webhook-signature" in found:
        _check_standard(body, found, secret, tolerance, time.time() if now is None else now)
    elif not is_signed(body, found.get("x-signature-256", ""), secret):
        raise WebhookVerificationError("The webhook is not signed with this secret.")
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise WebhookVerificationError("The webhook is not JSON.") from error
    if not isinstance(content, dict):
        raise WebhookVerificationError("The webhook is not a JSON object.")
    return content


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether ``X-Signature-256`` is this secret's."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={digest}".encode(), signature.encode())


def _check_standard(
    body: bytes, headers: Mapping[str, str], secret: str, tolerance: float, now: float
) -> None:
    moment = headers.get("webhook-timestamp", "")
    try:
        age = abs(now - int(moment))
    except ValueError:
        raise WebhookVerificationError("The webhook has no valid time.") from None
    if age > tolerance:
        raise WebhookVerificationError(f"The webhook's time is {age:.0f} seconds off.")
    signed = b".".join((headers.get("webhook-id", "").encode(), moment.encode(), body))
    digest = hmac.new(_standard_key(secret), signed, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # Several while a secret is being replaced.
    given = headers["webhook-signature"].encode().split()
    if not any(hmac.compare_digest(expected, signature) for signature in given):
        raise WebhookVerificationError("The webhook is not signed with this secret.")


def _standard_key(secret: str) -> bytes:
    """The key that a secret stands for: ``whsec_<base64>``, else the secret's own bytes."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()
