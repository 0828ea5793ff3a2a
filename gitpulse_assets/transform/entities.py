"""The statements that follow from an entity: who wins, what is touched, its rows, and what cannot be used.

Each is read as a file of `sql/silver/` would be, by `statement`; what an entity is stands in
`contracts/stream.py`.
"""

from collections.abc import Sequence
from functools import cache

from gitpulse_assets.catalog.subjects import ENTITIES
from gitpulse_assets.contracts.silver import QUARANTINE
from gitpulse_assets.contracts.stream import Entity, Judged
from gitpulse_assets.transform.sql_file import has_file, load_sql

# A record's place in its walk; the last in this order is the newest received.
RECEIVED = ("fetched_at", "run_sequence", "page_number", "record_number")


def statement(name: str) -> str:
    """Return the statement of that name that follows from an entity, or else `sql/silver/<name>.sql`."""
    return _derived().get(name) or load_sql("silver", name)


@cache
def _derived() -> dict[str, str]:
    return derived(ENTITIES)


def derived(entities: Sequence[Entity]) -> dict[str, str]:
    """Return the statements that follow from the entities, by the relation they make."""
    keyed = [entity for entity in entities if entity.key]
    judged = [each for entity in entities for each in entity.judged]
    rows = {entity.current: current_sql(entity) for entity in keyed if not has_file("silver", entity.current)}
    return {
        **rows,
        **{entity.winner: winner_sql(entity) for entity in keyed if entity.winner in entity.steps},
        **{entity.touched: touched_sql(entity) for entity in keyed if entity.touched in entity.steps},
        QUARANTINE.name: quarantine_sql(judged),
    }


def winner_sql(entity: Entity) -> str:
    """Grain: one key whose stored row is replaced, and the row of the entity's records that replaces it.

    At equal places the stored row is beaten, if it was not fetched later.
    """
    newest, key = ", ".join(entity.newest_by), entity.key
    order = ", ".join(f"{name} desc" for name in dict.fromkeys((*entity.newest_by, *RECEIVED)))
    stored = ", ".join(
        "coalesce(stored_run.run_sequence, -1)" if name == "run_sequence" else f"stored.{name}"
        for name in entity.newest_by
    )
    return f"""
        with newest as (
            select {key}, {newest}, rowid as record_rowid
            from {entity.record}
            where rule is null
            qualify row_number() over (partition by {key} order by {order}) = 1
        )

        select newest.{key}, newest.record_rowid
        from newest
        left join stored_{entity.current} as stored using ({key})
        left join run_order as stored_run on stored.run_id = stored_run.run_id
        where
            stored.{key} is null
            or ({", ".join(f"newest.{name}" for name in entity.newest_by)}) >= ({stored})
    """


def touched_sql(entity: Entity) -> str:
    """Grain: one key that the new records say anything about; all others are carried over as stored."""
    relations = entity.touched_by or (entity.record,)
    usable = {name: "" if name.startswith("bronze_") else " where rule is null" for name in relations}
    return " union ".join(
        f"select distinct {entity.key} from {name}{where}" for name, where in usable.items()
    )


def current_sql(entity: Entity) -> str:
    """Grain: one key; its winning record in the columns of the entity's table."""
    (table,) = (merged.contract for merged in entity.tables if merged.contract.name == entity.current)
    columns = ", ".join(f"r.{name}" for name in table.column_names)
    return f"""
        select {columns}
        from {entity.record} as r
        semi join {entity.winner} as w on r.rowid = w.record_rowid
    """


def quarantine_sql(judged: Sequence[Judged]) -> str:
    """Grain: one unusable record that no later good one replaced: the newest a key, or each different one.

    A stored one that is replaced goes. One without a key, which nothing can replace, stays to be looked at.
    """
    bad = " union all ".join(_judged(each, "rule is not null") for each in judged)
    good = " union all ".join(_judged(each, "rule is null") for each in judged)
    stored = f"""
        select {", ".join(QUARANTINE.column_names)}, 0 as run_sequence, {_stored_key(judged)} as record_key
        from stored_quarantine
    """
    any_later = ", ".join(f"'{each.stream.name}'" for each in judged if not each.key) or "''"
    read_here = [each.relation for each in judged if not each.is_made]
    read = "".join(f"{name} as ({load_sql('silver', name)}), " for name in read_here)
    return f"""
        with {read}bad as ({stored} union all {bad}),

        good as ({good}),

        last_good as (
            select stream, record_key, max(({", ".join(RECEIVED)})) as place
            from good
            group by stream, record_key
        ),

        newest as (
            select *
            from bad
            qualify row_number() over (
                partition by stream, coalesce(record_key::varchar, payload_json)
                order by {", ".join(f"{name} desc" for name in RECEIVED)}
            ) = 1
        )

        select {", ".join(f"newest.{name}" for name in QUARANTINE.column_names)}
        from newest
        left join last_good
            on newest.stream = last_good.stream
            and (newest.record_key = last_good.record_key or newest.stream in ({any_later}))
        where
            last_good.place is null
            or ({", ".join(f"newest.{name}" for name in RECEIVED)}) > last_good.place
    """


def _judged(each: Judged, condition: str) -> str:
    own = {
        "stream": f"'{each.stream.name}'",
        "issue_id": "issue_id" if each.key == "issue_id" else "null::bigint",
    }
    columns = ", ".join(f"{own.get(name, name)} as {name}" for name in QUARANTINE.column_names)
    key = each.key or "null::bigint"
    return f"select {columns}, run_sequence, {key} as record_key from {each.relation} where {condition}"


def _stored_key(judged: Sequence[Judged]) -> str:
    told = [
        f"when '{each.stream.name}' then try_cast(try(payload_json ->> '{each.key_in_payload}') as bigint)"
        for each in judged
        if each.key_in_payload
    ]
    return f"case stream {' '.join(told)} else issue_id end" if told else "issue_id"
