"""Makes the bucket of GITPULSE_BUCKET where there is none yet."""

import os


def main() -> None:
    import boto3
    from botocore.exceptions import ClientError

    bucket = os.environ["GITPULSE_BUCKET"]
    region = os.environ.get("AWS_REGION") or "us-east-1"
    client = boto3.client("s3", region_name=region)
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        # The one region that may not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=bucket, **place)
    print(f"bucket {bucket} is there")


if __name__ == "__main__":
    main()
