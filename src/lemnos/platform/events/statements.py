"""The event log's SQL. Where the databases differ, one statement for each."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite compiles it alike

from lemnos.platform.db import Query
from lemnos.platform.events.tables import event_streams, events

_head = upsert(event_streams)
ADVANCE = Query(
    _head.on_conflict_do_update(
        index_elements=[event_streams.c.stream],
        set_={"head": event_streams.c.head + _head.excluded.head},
    ).returning(event_streams.c.head)
)
HEAD = Query(select(event_streams.c.head).where(event_streams.c.stream == bindparam("stream")))

_COLUMNS = ("stream", "seq", "tenant", "type", "name", "data", "ts", "detail")
INSERT = Query(insert(events).values({name: bindparam(name) for name in _COLUMNS}).inline())

# SQLite, deferred: the number comes from the head that ADVANCE has just moved. `back` is how
# far the event stands before the last one of its group.
INSERT_AT_HEAD = Query(
    insert(events).from_select(
        _COLUMNS,
        select(
            event_streams.c.stream,
            event_streams.c.head - bindparam("back", type_=events.c.seq.type),
            event_streams.c.tenant,
            bindparam("type", type_=events.c.type.type),
            bindparam("name", type_=events.c.name.type),
            bindparam("data", type_=events.c.data.type),
            bindparam("ts", type_=events.c.ts.type),
            bindparam("detail", type_=events.c.detail.type),
        ).where(event_streams.c.stream == bindparam("stream")),
    )
)

# PostgreSQL: head and events in one round trip. The upsert locks the head until the end of the
# transaction, so that numbers are dense and in the order of commits.
_APPEND = """
WITH head AS (
  INSERT INTO event_streams (stream, tenant, head)
  VALUES (CAST(:stream AS text), CAST(:tenant AS text), CAST(:count AS bigint))
  ON CONFLICT (stream) DO UPDATE SET head = event_streams.head + excluded.head
  RETURNING head
), appended AS (
  INSERT INTO events (stream, seq, tenant, type, name, data, ts, detail, txid)
  SELECT CAST(:stream AS text), head.head - CAST(:count AS bigint) + new.place,
    CAST(:tenant AS text), new.type, new.name, new.data, new.ts, new.detail,
    CAST(CAST(pg_current_xact_id() AS text) AS bigint)
  FROM head, unnest(CAST(:types AS text[]), CAST(:names AS text[]), CAST(:datas AS bytea[]),
    CAST(:tss AS bigint[]), CAST(:details AS bytea[]))
    WITH ORDINALITY AS new (type, name, data, ts, detail, place)
  ORDER BY new.place
)
SELECT head FROM head
"""
APPEND = Query(text(_APPEND))

READ = Query(
    select(
        events.c.stream,
        events.c.seq,
        events.c.type,
        events.c.name,
        events.c.data,
        events.c.ts,
        events.c.detail,
    )
    .where(events.c.stream == bindparam("stream"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("limit"))
)

DROP_EVENTS = Query(delete(events).where(events.c.stream == bindparam("of")))
DROP_STREAM = Query(delete(event_streams).where(event_streams.c.stream == bindparam("of")))

# --- across streams, see feed.py --------------------------------------------------------------

_feed = select(
    func.coalesce(events.c.txid, literal_column("0")).label("txid"),
    events.c.id,
    events.c.tenant,
    events.c.stream,
    events.c.seq,
    events.c.type,
    events.c.name,
    events.c.data,
    events.c.ts,
    events.c.detail,
)
FEED_SQLITE = Query(
    _feed.where(events.c.id > bindparam("id")).order_by(events.c.id).limit(bindparam("limit"))
)
_COMMITTED = text("txid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")
_AFTER = text("(txid, id) > (CAST(:txid AS bigint), CAST(:id AS bigint))")
FEED_POSTGRESQL = Query(
    _feed.where(_AFTER, _COMMITTED).order_by(events.c.txid, events.c.id).limit(bindparam("limit"))
)
TAIL_SQLITE = Query(select(literal_column("0"), func.coalesce(func.max(events.c.id), 0)))
TAIL_POSTGRESQL = Query(
    text(
        "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) - 1, "
        "9223372036854775807"
    )
)
