"""Clients that tenants share keep no cookies."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """A jar that stays empty: what a host sets in one tenant's request is not sent in another's."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))
