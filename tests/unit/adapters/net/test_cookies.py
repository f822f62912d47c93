"""A client that tenants share keeps nothing of what hosts set."""

from __future__ import annotations

import httpx2

from lemnos.adapters.net.cookies import no_cookies


async def _cookies_of_second(jar) -> str:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("cookie", ""))
        return httpx2.Response(200, headers={"set-cookie": "session=of-another-tenant; Path=/"})

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, cookies=jar) as client:
        for _ in range(2):
            await client.get("https://git.example.com/")
    return seen[1]


async def test_what_a_host_sets_is_not_sent_again():
    assert await _cookies_of_second(no_cookies()) == ""
    assert await _cookies_of_second(None) == "session=of-another-tenant"
