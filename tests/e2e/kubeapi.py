"""The API server of a world as its administrator sees it, over one connection that is kept."""

import http.client
import json
import re
import ssl
import urllib.parse

_SHOP = {  # by the name that kubectl takes, too
    "deployment": "/apis/apps/v1/namespaces/shop/deployments",
    "statefulset": "/apis/apps/v1/namespaces/shop/statefulsets",
    "widget": "/apis/example.org/v1/namespaces/shop/widgets",
    "lease": "/apis/coordination.k8s.io/v1/namespaces/shop/leases",
    "event": "/apis/events.k8s.io/v1/namespaces/shop/events",
    "hsa": "/apis/autoscaling.hexfuture.net/v1alpha1/namespaces/shop/hexserverautoscalers",
}


class KubeApi:
    """Thread: one at a time. Connects again with the next request after a failure, an OSError or an
    http.client.HTTPException."""

    def __init__(self, world, timeout=10):
        with open(world.vars["KUBECONFIG"], encoding="utf-8") as f:
            token = re.search(r"token: (\S+)", f.read())[1]
        self.headers = {"Authorization": f"Bearer {token}"}
        api = urllib.parse.urlparse(world.vars["KUBE_API"])
        self.connection = http.client.HTTPSConnection(
            api.hostname, api.port, timeout=timeout,
            context=ssl.create_default_context(cafile=world.vars["HEXLAG_WORLD_CA"]))

    def send(self, method, path, body=None, content_type="application/json"):
        """The response, not yet read."""
        headers = {**self.headers, **({"Content-Type": content_type} if body is not None else {})}
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                    headers)
            return self.connection.getresponse()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def call(self, *args):
        """Status and document."""
        response = self.send(*args)
        try:
            return response.status, json.loads(response.read() or "{}")
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def get(self, resource, name=""):
        """Status and document of an object in the namespace `shop`, or of their list."""
        return self.call("GET", f"{_SHOP[resource]}/{name}".rstrip("/"))

    def merge(self, path, body):
        """A merge patch; its status."""
        return self.call("PATCH", path, body, "application/merge-patch+json")[0]
