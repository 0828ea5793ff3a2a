#!/usr/bin/env bash
# DuckDB 2.0.0: a list of JSON fields that a subquery computes once, as one function call of many paths, is computed
# once more for every condition of the outer query that looks at one of its elements.
#
# One would guess that `select json_extract_string(line, [...]) as head` in a subquery is computed once a row and the
# outer filter looks at `head[2]` and `head[3]`. But the filter is pushed below the projection, and there each
# reference is replaced by the whole call: each line is parsed once a condition, and what passes once more. Asking for
# many paths at once was meant to parse a line once. `offset 0` in the subquery keeps the filter above it.
#
# Seen (calls in the plan's filter):
#   as written 2
#   behind offset 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cat > "$folder/seen.py" <<'PY'
import json

import duckdb

connection = duckdb.connect()
connection.execute(
    """create table lines as
    select json_object('id', i::varchar, 'type', 'T' || i % 3, 'repo', json_object('name', 'r' || i % 5)) as line
    from range(1000) t(i)"""
)


def filters(plans):
    for plan in plans:
        if plan["name"].strip().upper() == "FILTER":
            yield json.dumps(plan["extra_info"])
        yield from filters(plan["children"])


def calls(fence):
    heads = f"select json_extract_string(line, ['/id', '/type', '/repo/name']) as head from lines {fence}"
    asked = f"select head[1] from ({heads}) where head[2] = 'T1' and head[3] = 'r2'"
    (plan,) = connection.execute(f"explain (format json) {asked}").fetchall()
    return "".join(filters(json.loads(plan[1]))).count("json_extract_string")


print("as written", calls(""))
print("behind offset", calls("offset 0"))
PY
"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
as written 2
behind offset 0
EXPECTED
echo "as described"
