#!/bin/sh
# Makes the user of the bundled MinIO that may only read the bucket: the key of the page and of Metabase.
# Another S3 has its own ways for that (docs/operations.md). No secret stands on a command line.
set -eu
if [ "$AWS_ENDPOINT_URL" != http://s3:9000 ]; then
  echo "not the bundled S3: nothing to do"
  exit 0
fi
export MC_CONFIG_DIR=/tmp/mc
policy=gitpulse-reader
cat > /tmp/policy.json <<END
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::$GITPULSE_BUCKET"]},
  {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::$GITPULSE_BUCKET/*"]}
]}
END
printf '%s\n%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" | mc alias set lake "$AWS_ENDPOINT_URL" >/dev/null
mc admin policy create lake "$policy" /tmp/policy.json
printf '%s\n%s\n' "$GITPULSE_READER_KEY_ID" "$GITPULSE_READER_SECRET_KEY" | mc admin user add lake >/dev/null
# Attaching what is attached is an error of mc's.
mc admin policy detach lake "$policy" --user "$GITPULSE_READER_KEY_ID" >/dev/null 2>&1 || true
mc admin policy attach lake "$policy" --user "$GITPULSE_READER_KEY_ID"
