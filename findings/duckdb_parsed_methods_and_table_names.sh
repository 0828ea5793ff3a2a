#!/usr/bin/env bash
# duckdb 2.0.0: who reads lineage off the parser meets two things that look like answers.
# 1. One would guess that json_serialize_sql shows `a.lower()` as lower() of column a. It shows a function without
#    arguments in the schema "a": a walk over column references finds no column at all, and no error.
# 2. One would guess that get_table_names() only parses. It binds: a statement with a parameter, or with "using" over
#    tables that are not there, is refused with a BinderException.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import json

import duckdb

text = duckdb.execute("select json_serialize_sql('select a.lower() as n from t')").fetchone()[0]
(column,) = json.loads(text)["statements"][0]["node"]["select_list"]
assert column["schema"] == "a" and column["arguments"] == [], column
assert '"COLUMN_REF"' not in text
con = duckdb.connect()
for statement in ("select a from t where b > $x", "select a from t join u using (k)"):
    try:
        raise SystemExit(f"parsed: {con.get_table_names(statement)}")
    except duckdb.BinderException as error:
        print(str(error).splitlines()[0])
print("a.lower():", column["qualified_name"], column["arguments"])
PYTHON
