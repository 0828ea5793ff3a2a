#!/usr/bin/env bash
# adbc-driver-postgresql 1.13.0, PostgreSQL 15: adbc_ingest(mode="append") into a table whose column is of another type
# of the same width stores other values, without an error.
#
# One would guess that the driver casts what it appends, as an INSERT does, or that it or the server refuses what does
# not fit, since both know the column's type. It writes COPY's binary form of the Arrow type, and the server reads
# those bytes as the column's: a 1 becomes the smallest double there is, eight letters become one number.
# Where the bytes cannot be read so (a number for a text column) the server does refuse them.
#
# Seen (Arrow type and value, column, what is stored):
#   int64 1                 double precision          5e-324
#   date32 2026-01-01       integer                   9497
#   string abcdefgh         bigint                    7017280452245743464
#   int64 1                 timestamp with time zone  2000-01-01 00:00:00.000001+00
#
# Needs PostgreSQL's programs (Debian: postgresql); the server listens on a socket in the temp folder only.
set -euo pipefail

binaries=$(compgen -G '/usr/lib/postgresql/*/bin' | tail -1)
folder=$(mktemp -d)
as_owner=()
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
fi
server=
finish() {
    [ -z "$server" ] || { kill "$server"; wait "$server" || true; }
    rm -rf "$folder"
}
trap finish EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check adbc-driver-postgresql==1.13.0 pyarrow==26.0.1
cd "$folder"
"${as_owner[@]}" "$binaries/initdb" -D "$folder/data" -U reader --auth=trust --locale=C --no-sync >/dev/null
"${as_owner[@]}" "$binaries/postgres" -D "$folder/data" -k "$folder" -h '' -c timezone=UTC -c fsync=off 2>"$folder/log" &
server=$!
timeout 60 bash -c "until '$binaries/pg_isready' -q -h '$folder' 2>/dev/null; do sleep 0.2; done"
cat > "$folder/seen.py" <<'PY'
import datetime
import sys

import pyarrow as pa
from adbc_driver_postgresql import dbapi

TRIED = [
    (pa.array([1], pa.int64()), "double precision"),
    (pa.array([datetime.date(2026, 1, 1)], pa.date32()), "integer"),
    (pa.array(["abcdefgh"], pa.string()), "bigint"),
    (pa.array([1], pa.int64()), "timestamp with time zone"),
]
with dbapi.connect(f"postgresql:///postgres?host={sys.argv[1]}&user=reader") as con, con.cursor() as cursor:
    for number, (values, kind) in enumerate(TRIED):
        cursor.execute(f"create table tried_{number} (x {kind})")
        cursor.adbc_ingest(f"tried_{number}", pa.table({"x": values}), mode="append")
        cursor.execute(f"select x::text from tried_{number}")
        print(values.type, values[0], "|", kind, "|", cursor.fetchone()[0])
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
int64 1 | double precision | 5e-324
date32[day] 2026-01-01 | integer | 9497
string abcdefgh | bigint | 7017280452245743464
int64 1 | timestamp with time zone | 2000-01-01 00:00:00.000001+00
EXPECTED
echo "as described"
