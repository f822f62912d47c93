"""Registering, changing and removing endpoints, and what is refused."""

from __future__ import annotations

import pytest

from lemnos.kernel.errors import Conflict, Invalid, NotFound
from lemnos.platform.webhooks import Event
from lemnos.platform.webhooks import endpoints as endpoints_module
from lemnos.platform.webhooks.endpoint import EndpointPatch, NewEndpoint
from tests.conformance.webhooks.node import SECRET, Node, owner

URL = "https://hooks.example.org/orchex"
EVERYTHING = tuple(event.value for event in Event)


async def test_an_endpoint_is_kept_without_its_secret_in_clear(node: Node):
    made = await node.create(URL, *EVERYTHING)
    assert await node.endpoints.get(owner(), made.id) == made
    assert await node.endpoints.list(owner()) == (made,)
    assert (made.url, made.events, made.active, made.created_by) == (URL, EVERYTHING, True, "ada")
    assert SECRET.encode() not in made.sealed
    assert "sealed" not in repr(made)


async def test_a_secret_that_was_not_given_is_made_and_told_once(node: Node):
    new = NewEndpoint(URL, ("task.failed",))
    issued = await node.db.write(lambda tx: node.endpoints.create(tx, owner(), new))
    assert issued.secret is not None
    assert issued.secret.startswith("whsec_")
    assert issued.secret not in repr(issued)
    given = NewEndpoint(URL, ("task.failed",), SECRET)
    issued = await node.db.write(lambda tx: node.endpoints.create(tx, owner(), given))
    assert issued.secret is None


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewEndpoint(URL, ()), "events"),
        (NewEndpoint(URL, ("task.completed", "task.exploded")), "events"),
        (NewEndpoint(URL, ("webhook.test",)), "events"),
        (NewEndpoint("", ("task.completed",)), "url"),
        (NewEndpoint("ftp://example.org/x", ("task.completed",)), "url"),
        (NewEndpoint("not a url", ("task.completed",)), "url"),
        (NewEndpoint("http://10.0.0.7/hook", ("task.completed",)), "url"),
        (NewEndpoint("http://169.254.169.254/latest", ("task.completed",)), "url"),
        (NewEndpoint("http://[::1]:8080/", ("task.completed",)), "url"),
        (NewEndpoint(f"https://example.org/{'x' * 2048}", ("task.completed",)), "url"),
        (NewEndpoint(URL, ("task.completed",), "short"), "secret"),
        (NewEndpoint(URL, ("task.completed",), "x" * 513), "secret"),
        (NewEndpoint(URL, ("task.completed",), "zwölf Boxkämpfer"), "secret"),
    ],
)
async def test_what_cannot_work_is_refused_by_field(node: Node, new: NewEndpoint, field: str):
    with pytest.raises(Invalid) as refused:
        await node.db.write(lambda tx: node.endpoints.create(tx, owner(), new))
    assert set(refused.value.fields) == {field}
    assert await node.endpoints.list(owner()) == ()


async def test_an_update_changes_what_it_names_and_nothing_else(node: Node):
    made = await node.create(URL, "task.failed")
    patch = EndpointPatch(events=("task.failed", "task.created", "task.failed"))
    changed = await node.db.write(lambda tx: node.endpoints.update(tx, owner(), made.id, patch))
    assert changed.events == ("task.failed", "task.created")
    assert (changed.url, changed.active, changed.sealed) == (made.url, True, made.sealed)
    assert await node.endpoints.get(owner(), made.id) == changed


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        (EndpointPatch(url="http://192.168.1.1/"), "url"),
        (EndpointPatch(events=()), "events"),
        (EndpointPatch(secret=""), "secret"),
    ],
)
async def test_a_wrong_update_changes_nothing(node: Node, patch: EndpointPatch, field: str):
    made = await node.create(URL)
    with pytest.raises(Invalid) as refused:
        await node.db.write(lambda tx: node.endpoints.update(tx, owner(), made.id, patch))
    assert set(refused.value.fields) == {field}
    assert await node.endpoints.get(owner(), made.id) == made


async def test_another_tenant_s_endpoint_does_not_exist(node: Node):
    made = await node.create(URL)
    other = owner("other")
    patch = EndpointPatch(active=False)
    with pytest.raises(NotFound):
        await node.endpoints.get(other, made.id)
    for work in (
        lambda tx: node.endpoints.update(tx, other, made.id, patch),
        lambda tx: node.endpoints.delete(tx, other, made.id),
        lambda tx: node.endpoints.rotate(tx, other, made.id),
        lambda tx: node.endpoints.test(tx, other, made.id),
    ):
        with pytest.raises(NotFound):
            await node.db.write(work)
    assert await node.endpoints.list(other) == ()
    assert await node.endpoints.get(owner(), made.id) == made


async def test_a_deleted_one_is_gone(node: Node):
    made = await node.create(URL)
    await node.db.write(lambda tx: node.endpoints.delete(tx, owner(), made.id))
    with pytest.raises(NotFound):
        await node.endpoints.get(owner(), made.id)


@pytest.mark.parametrize("seconds", [-1, 31 * 86_400])
async def test_an_overlap_has_bounds(node: Node, seconds: int):
    made = await node.create(URL)
    with pytest.raises(Invalid) as refused:
        await node.db.write(
            lambda tx: node.endpoints.rotate(tx, owner(), made.id, overlap_seconds=seconds)
        )
    assert set(refused.value.fields) == {"overlap_seconds"}


async def test_a_tenant_has_no_more_than_so_many(node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(endpoints_module, "MOST", 2)
    for _ in range(2):
        await node.create(URL)
    with pytest.raises(Conflict):
        await node.create(URL)
    await node.create(URL, ctx=owner("other"))
