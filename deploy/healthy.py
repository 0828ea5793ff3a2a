"""Says by its exit code whether a service of docker-compose.yml is well; `checks` names them.

Dagster's own commands for this take 2 to 5 seconds of CPU each time, every half minute; these take a tenth.
"""

import os
import socket
import sys
import urllib.request
from typing import Any

HEARTBEAT_SECONDS_MAX = 120
DAEMONS = {"SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR", "MONITORING", "BACKFILL", "EVENT_LOG_CONSUMER"}


def check_code(address: str) -> None:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"{address}:4000") as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(request, timeout=5)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        sys.exit("the code server does not serve")


def check_daemon(_address: str) -> None:
    import psycopg2

    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DB"}
    options: Any = {option: os.environ[f"DAGSTER_PG_{name}"] for option, name in names.items()}
    with psycopg2.connect(connect_timeout=5, **options) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select daemon_type from daemon_heartbeats "
            "where timestamp > now() at time zone 'utc' - %s * interval '1 second'",
            (HEARTBEAT_SECONDS_MAX,),
        )
        silent = DAEMONS - {row[0] for row in cursor.fetchall()}
    if silent:
        sys.exit(f"no heartbeat of {', '.join(sorted(silent))}")


def check_webserver(address: str) -> None:
    with urllib.request.urlopen(f"http://{address}:3000/server_info", timeout=5) as answer:
        answer.read()


def check_page(address: str) -> None:
    with urllib.request.urlopen(f"http://{address}:8000/healthz", timeout=5) as answer:
        answer.read()


def check_worker(_address: str) -> None:
    from celery import Celery

    app = Celery(broker=os.environ["GITPULSE_BROKER_URL"])
    if not app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=10):
        sys.exit("the worker does not answer")


if __name__ == "__main__":
    checks = {
        "code": check_code,
        "daemon": check_daemon,
        "webserver": check_webserver,
        "page": check_page,
        "worker": check_worker,
    }
    checks[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1")
