"""Keys: credentials for git hosts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.kit.answers import answer, from_reply, reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.fields import Text
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.platform.db import Tx
from lemnos.platform.execute import Reply

router = operations("Keys", prefix="/api/v1/keys")
KeyName = Annotated[str, Path(max_length=100)]


@router.post(
    "",
    status_code=201,
    response_model=wire.KeyRegistered,
    responses=examples.KEY_REGISTERED,
    summary="Register a key",
    **needs("keys:write", **body_like(examples.NEW_KEY)),
)
async def register_key(body: wire.RegisterKey, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Keep a token, sealed; 409 when the name is taken."""
    kept = await core.door.reply(
        ctx,
        "key.register",
        lambda tx: core.keys.register(tx, ctx, present.new_key(body)),
        lambda key: reply(
            {"name": key.name, "provider": key.provider.value, "message": "Key registered."}, 201
        ),
        once=once,
        target=body.name,
    )
    return from_reply(kept)


@router.get(
    "",
    response_model=wire.KeyList,
    responses=examples.KEYS,
    summary="List keys",
    **needs("keys:read"),
)
async def list_keys(core: CoreDep, ctx: Ctx) -> Response:
    """The tenant's keys, without their tokens."""
    return answer({"keys": [present.key(key) for key in await core.keys.list(ctx)]})


@router.delete(
    "/{name}",
    response_model=wire.Done,
    responses=examples.KEY_DELETED,
    summary="Delete a key",
    **needs("keys:write"),
)
async def delete_key(name: KeyName, core: CoreDep, ctx: Ctx) -> Response:
    """Forget a key."""
    await core.door.do(ctx, "key.delete", lambda tx: core.keys.remove(tx, ctx, name), target=name)
    return answer({"name": name, "message": "Key deleted."})


@router.post(
    "/{name}/verify",
    response_model=wire.KeyVerified,
    responses=examples.KEY_VERIFIED,
    summary="Verify a key",
    **needs("keys:write"),
)
async def verify_key(
    name: KeyName,
    core: CoreDep,
    ctx: Ctx,
    once: OnceDep,
    repo_url: Annotated[Text, Query(max_length=2048)] = "",
) -> Response:
    """Ask the key's host whether it accepts the token; ``repo_url`` names a host of your own.

    The token is sent to that host, so this is for those who may write keys, and audited.
    """

    async def ask() -> Reply:
        async def note(_tx: Tx) -> None:
            """The entry of the audit log is all there is to write."""

        said = await core.keys.verify(ctx, name, repo_url)
        detail = {"valid": said.valid, "repo_url": repo_url}
        await core.door.do(ctx, "key.verify", note, target=name, detail=detail)
        return reply(present.verified(name, said))

    return from_reply(await core.door.reply_slowly(ctx, ask, once=once))
