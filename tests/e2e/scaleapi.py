"""The least API server that a rule with dryRun needs: every Deployment has so many replicas."""

import http.server
import json
import threading

from world import Failure, folder

_RESOURCES = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1", "resources": [
    {"name": "deployments", "namespaced": True, "kind": "Deployment"},
    {"name": "deployments/scale", "namespaced": True, "group": "autoscaling", "version": "v1",
     "kind": "Scale"}]}


class ScaleApi:
    def __init__(self, replicas):
        self.writes = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(replicas))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = f"{folder}/scaleapi.kubeconfig"
        with open(self.kubeconfig, "w", encoding="utf-8") as f:
            json.dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "here",
                "clusters": [{"name": "here", "cluster":
                              {"server": f"http://127.0.0.1:{self.server.server_port}"}}],
                "users": [{"name": "me", "user": {}}],
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}]}, f)

    def _handler(self, replicas):
        writes = self.writes

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name = self.path.split("/")[-2]
                scale = {"kind": "Scale", "apiVersion": "autoscaling/v1",
                         "metadata": {"name": name, "namespace": "shop", "uid": "u-" + name,
                                      "resourceVersion": "1"},
                         "spec": {"replicas": replicas}, "status": {"replicas": replicas}}
                body = json.dumps(scale if self.path.endswith("/scale") else _RESOURCES).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self):
                writes.append(self.path)
                self.send_error(403)

            def log_message(self, *_):
                pass
        return Handler

    def check(self):
        """A dry run writes nothing."""
        if self.writes:
            raise Failure(f"writes of a dry run: {self.writes}")
