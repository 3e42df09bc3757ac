"""What a node would do for the pods of a world: a process for each, which is ready when it runs.

A world has no nodes, so its pods stay Pending and go at once when they are deleted. Here each pod of
one app gets a consumer of its own, and its status says that it is ready: size, pods, members of the
group and lag are a closed loop, and a rolling update takes its course.
"""

import http.client
import os
import threading

from kubeapi import KubeApi
from world import Failure, folder, wait_equal

_LOOK = 0.2
_PODS = "/api/v1/namespaces/shop/pods"


class Kubelet:
    """The pods of Deployment `app` are members of `group` on `topic` that handle `rate` records a second
    each, until handle() says otherwise. `delay` is what a pod takes to be ready, in seconds."""

    def __init__(self, world, app, group, topic, rate, delay=0):
        self.world, self.app, self.consumes, self.delay = world, app, (group, topic), delay
        self.rate_path = f"{folder}/rate-of-{app}"
        self.handle(rate)
        self.api = KubeApi(world)
        self.pods = {}  # name: its process
        self.started = 0
        self.error = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def handle(self, rate):
        """From now on each pod handles so many records a second."""
        with open(self.rate_path + ".new", "w", encoding="ascii") as f:
            f.write(f"{rate}\n")
        os.rename(self.rate_path + ".new", self.rate_path)

    def _work(self):
        while not self.stopped.wait(_LOOK):
            try:
                self._look()
            except (OSError, http.client.HTTPException):
                pass  # pods go on without an API server
            except Exception as error:
                self.error = error
                return

    def _look(self):
        status, pods = self.api.call("GET", f"{_PODS}?labelSelector=app={self.app}")
        if status != 200:
            return
        there = {pod["metadata"]["name"] for pod in pods["items"]
                 if "deletionTimestamp" not in pod["metadata"]}
        for name in there - set(self.pods):
            self.started += 1
            self.pods[name] = self.world.consumer(f"pod-{self.started}", *self.consumes, self.rate_path)
            threading.Timer(self.delay, self._ready, [name]).start()
        for name in set(self.pods) - there:
            self.pods.pop(name).process.terminate()

    def _ready(self, name):
        # A connection of its own: this is another thread.
        conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
        try:
            KubeApi(self.world).merge(f"{_PODS}/{name}/status",
                                      {"status": {"phase": "Running", "conditions": conditions}})
        except (OSError, http.client.HTTPException):
            pass  # as a pod that never became ready

    def wait_pods(self, count, deadline=30):
        wait_equal(lambda: len(self.pods), count, f"pods of {self.app}", deadline)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        for process in self.pods.values():
            process.process.terminate()
        for process in self.pods.values():
            process.process.wait(10)
        self.pods = {}
        if self.error:
            raise Failure(f"the pods of {self.app}: {self.error!r}")
