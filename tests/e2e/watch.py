"""A streaming watch on one Deployment, or on all objects of a kind: the time at which the API server
tells of each new size."""

import collections
import http.client
import json
import threading
import time

from kubeapi import KubeApi
from world import Failure

# `when` is in seconds of the wall clock, `size` is spec.replicas and `pods` is status.replicas.
Event = collections.namedtuple("Event", "when size generation pods")

_AGAIN = 0.02


class Watch:
    """`seen` grows by an Event each. Where the API server goes away it is asked until it is back, if
    `lasting`; else the watch ends."""

    def __init__(self, world, name, path="/apis/apps/v1/namespaces/shop/deployments", lasting=False):
        self.api = KubeApi(world, timeout=None)
        self.path = path + "?watch=1&timeoutSeconds=86400" + (
            f"&fieldSelector=metadata.name={name}" if name else "")
        self.version = "0"
        self.lasting = lasting
        self.seen = []
        self.ended = False
        self.pause = threading.Event()  # never set
        self.changed = threading.Condition()
        response = self._open()
        threading.Thread(target=self._read, args=(response,), daemon=True).start()

    def _open(self):
        response = self.api.send("GET", f"{self.path}&resourceVersion={self.version}")
        if response.status != 200:
            raise Failure(f"{self.path}: {response.status} {response.read(500)!r}")
        return response

    def _read(self, response):
        try:
            while True:
                try:
                    self._note_all(response or self._open())
                except (OSError, http.client.HTTPException, Failure):
                    if not self.lasting:
                        raise
                response = None
                self.api.connection.close()
                if not self.lasting:
                    break
                self.pause.wait(_AGAIN)
        finally:
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def _note_all(self, response):
        for line in response:
            now = time.time()
            event = json.loads(line)["object"]
            if event["kind"] == "Status":
                self.version = ""  # 410 Gone after a restart: begin with what is there now
                raise Failure(f"the watch was ended: {event}")
            self.version = event["metadata"]["resourceVersion"]
            with self.changed:
                self.seen.append(Event(now, event["spec"]["replicas"],
                                       event["metadata"]["generation"],
                                       event.get("status", {}).get("replicas", 0)))
                self.changed.notify_all()

    def mark(self):
        """How many events there were until now."""
        with self.changed:
            return len(self.seen)

    def since(self, start=0):
        with self.changed:
            return self.seen[start:]

    def await_event(self, fits, start=0, deadline=60):
        """The first event since mark `start` that fits."""
        with self.changed:
            met = self.changed.wait_for(
                lambda: self.ended or any(fits(e) for e in self.seen[start:]), deadline)
            for event in self.seen[start:]:
                if fits(event):
                    return event
            last = self.seen[-1] if self.seen else None
        raise Failure(f"the watch {'timed out' if not met else 'ended'}, last event {last}")

    def await_size(self, fits, start=0, deadline=60):
        """The time of the first event since mark `start` whose size fits."""
        return self.await_event(lambda event: fits(event.size), start, deadline).when

    def size(self):
        with self.changed:
            return self.seen[-1].size

    def sizes(self, start=0):
        """The sizes since mark `start`, each once as long as it lasted, from the one before it on."""
        found = []
        for event in self.since(max(0, start - 1)):
            if not found or found[-1] != event.size:
                found.append(event.size)
        return found

    def check(self, low, high):
        """Every size from the beginning on was within these bounds, and none was missed: each change
        of a spec is a generation. For the watch on one object."""
        seen = self.since()
        for before, event in zip([None] + seen, seen):
            if not low <= event.size <= high:
                raise Failure(f"a size outside {low} to {high}: {event}, after {before}")
            if before and event.generation > before.generation + 1:
                raise Failure(f"generations between {before} and {event} were not seen")
        if self.ended:
            raise Failure(f"the watch ended, last event {seen[-1:]}")
