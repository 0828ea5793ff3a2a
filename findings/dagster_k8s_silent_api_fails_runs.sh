#!/usr/bin/env bash
# dagster 1.13.27, dagster-k8s 0.29.27: Dagster's monitoring asks the launcher how a started run is. Where Kubernetes'
# API does not answer, the launcher says UNKNOWN; one would guess that the run is asked for again in the next round.
# Monitoring takes whatever is neither running nor a success for dead: a run whose pod may well be at work is failed
# in that very round.
# Seen: "launcher: UNKNOWN", "run: FAILURE".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dagster==1.13.27 dagster-k8s==0.29.27
cat > "$folder/seen.py" <<'PYTHON'
import logging
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import dagster as dg
import dagster_k8s.client
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

folder = Path(sys.argv[1])
dagster_k8s.client.time.sleep = lambda seconds: None


class Silent(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
Thread(target=server.serve_forever, daemon=True).start()
(folder / "kubeconfig").write_text(f"""
clusters: [{{name: here, cluster: {{server: "http://127.0.0.1:{server.server_port}"}}}}]
contexts: [{{name: here, context: {{cluster: here, user: nobody}}}}]
users: [{{name: nobody, user: {{}}}}]
current-context: here
""")
(folder / "dagster.yaml").write_text(f"""
telemetry: {{enabled: false}}
run_monitoring: {{enabled: true}}
run_launcher:
  module: dagster_k8s
  class: K8sRunLauncher
  config:
    service_account_name: runs
    instance_config_map: instance
    job_image: image
    load_incluster_config: false
    kubeconfig_file: {folder / "kubeconfig"}
""")
os.environ["DAGSTER_HOME"] = str(folder)
with dg.DagsterInstance.get() as instance:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    health = instance.run_launcher.check_run_worker_health(run)
    print("launcher:", health.status.name)
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context:
        record = instance.get_run_record_by_id(run.run_id)
        monitor_started_run(instance, context.create_request_context(), record, logging.getLogger("quiet"))
    status = instance.get_run_by_id(run.run_id).status
    print("run:", status.value)
    assert (health.status.name, status) == ("UNKNOWN", dg.DagsterRunStatus.FAILURE)
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" "$folder" 2>/dev/null
