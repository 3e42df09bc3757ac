"""A streaming watch on one Deployment, or on all objects of a kind: the time at which the API server tells of each new size."""

import http.client
import json
import re
import ssl
import threading
import time
import urllib.parse

from world import Failure


class Watch:
    """`seen` grows by (seconds of the wall clock, spec.replicas, generation) per event."""

    def __init__(self, world, name, path="/apis/apps/v1/namespaces/shop/deployments"):
        with open(world.vars["KUBECONFIG"], encoding="utf-8") as f:
            token = re.search(r"token: (\S+)", f.read())[1]
        api = urllib.parse.urlparse(world.vars["KUBE_API"])
        self.connection = http.client.HTTPSConnection(
            api.hostname, api.port,
            context=ssl.create_default_context(cafile=world.vars["HEXLAG_WORLD_CA"]))
        self.connection.request(
            "GET", f"{path}?watch=1&resourceVersion=0&timeoutSeconds=86400"
            + (f"&fieldSelector=metadata.name={name}" if name else ""), headers={"Authorization": f"Bearer {token}"})
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            raise Failure(f"watch on {name}: {self.response.status} {self.response.read(500)!r}")
        self.seen = []
        self.ended = False
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self.response:
                now = time.time()
                event = json.loads(line)["object"]
                if event["kind"] == "Status":
                    raise Failure(f"the watch was ended: {event}")
                with self.changed:
                    self.seen.append((now, event["spec"]["replicas"],
                                      event["metadata"]["generation"]))
                    self.changed.notify_all()
        finally:
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def mark(self):
        """How many events there were until now."""
        with self.changed:
            return len(self.seen)

    def await_size(self, fits, start=0, deadline=60):
        """The time of the first event since mark `start` whose spec.replicas fits."""
        with self.changed:
            met = self.changed.wait_for(
                lambda: self.ended or any(fits(e[1]) for e in self.seen[start:]), deadline)
            for when, size, _ in self.seen[start:]:
                if fits(size):
                    return when
            last = self.seen[-1] if self.seen else None
        raise Failure(f"the watch {'timed out' if not met else 'ended'}, last event {last}")

    def size(self):
        with self.changed:
            return self.seen[-1][1]
