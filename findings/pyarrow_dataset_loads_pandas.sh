#!/usr/bin/env bash
# pyarrow 26.0.1 with pandas 3.1.1 installed beside it.
# One would guess that pandas is loaded when something is turned into it: `import pyarrow` and `pyarrow.parquet` do not.
# `import pyarrow.dataset` does, wherever pandas is installed: while it makes a scalar of its own it asks whether that is
# an array of pandas. Each command-line process that opens a dataset pays for it, half a second here, without a frame in use.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1 pandas==3.1.1
for module in pyarrow pyarrow.compute pyarrow.parquet pyarrow.dataset; do
    found=$("$folder/venv/bin/python" -c "import sys, $module; print('pandas' in sys.modules)")
    echo "import $module: pandas loaded: $found"
    case "$module" in
        pyarrow.dataset) [ "$found" = True ] ;;
        pyarrow | pyarrow.compute) [ "$found" = False ] ;;
    esac
done
