"""A world that a world.json declares, on a real Kafka."""

import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRAFFIC = os.environ.get("TRAFFIC", ROOT + "/build/tests/tools/traffic")
GOLDEN = os.environ.get("GOLDEN", os.path.dirname(TRAFFIC) + "/golden")
DEADLINE = 30  # for a world to come to rest; two intervals of hexlag are 20 s
WORKERS = 4


class Broken(Exception):
    """The world cannot be built, or hexlag not be asked."""


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, timeout=120)
    if done.returncode:
        raise Broken(f"{command}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


def retry(*command):
    """A topic that was just deleted, or just made, is not so on all brokers at once."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return run(*command)
        except Broken:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


class World:
    def __init__(self, declared, bootstrap, replication):
        self.declared, self.bootstrap, self.replication = declared, bootstrap, replication
        self.members = []

    def traffic(self, *args):
        return retry(TRAFFIC, "-b", self.bootstrap, *args)

    def golden(self, *args):
        return retry(GOLDEN, "-b", self.bootstrap, *args)

    @staticmethod
    def each(function, items):
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(function, items))

    def wipe(self):
        for member in self.members:
            member.terminate()
        for member in self.members:
            member.wait()
        self.members = []
        self.each(lambda group: self.golden("wipe", "group", group["name"]),
                  self.declared["groups"])
        self.each(lambda topic: self.golden("wipe", "topic", topic["name"]),
                  self.declared["topics"])

    def make_topic(self, topic):
        name, count = topic["name"], topic["partitions"]
        replication = topic.get("replication", self.replication.get(name, 1))
        settings = [f"{k}={v}" for k, v in topic.get("config", {}).items()]
        self.traffic("create", name, count, replication, *settings)
        self.traffic("produce", name, 0)  # until its metadata is known
        for partition, records in enumerate(topic.get("records", [])):
            if records:
                # Once: what was acknowledged in part would be there twice.
                run(TRAFFIC, "-b", self.bootstrap, "produce", name, records, partition)
        for partition, offset in topic.get("delete_before", {}).items():
            self.golden("trim", name, partition, offset)

    def make_commits(self, group):
        for topic, commits in group.get("commits", {}).items():
            last = max(map(int, commits), default=-1)
            if last >= 0:
                self.traffic("commit", group["name"], topic,
                             *[commits.get(str(p), "-") for p in range(last + 1)])

    def make_members(self, group):
        topics = group.get("subscribe") or list(group.get("commits", {}))
        for _ in range(group.get("members", 0)):
            member = subprocess.Popen([GOLDEN, "-b", self.bootstrap, "join", group["name"], *topics],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            self.members.append(member)

    def build(self):
        self.wipe()
        self.each(self.make_topic, self.declared["topics"])
        self.each(self.make_commits, self.declared["groups"])
        for group in self.declared["groups"]:
            self.make_members(group)
        for member in self.members:
            if not member.stdout.readline():
                raise Broken("a member of a group ended before it had its partitions")
        for topic in self.declared.get("delete_topics", []):
            self.golden("wipe", "topic", topic)

    def cluster(self):
        """({broker id: address}, {(topic, partition): leader's id})"""
        brokers, leaders = {}, {}
        for line in self.golden("cluster").splitlines():
            kind, *words = line.split(" ")
            if kind == "broker":
                brokers[words[0]] = words[1]
            else:
                leaders[words[0], words[1]] = words[2]
        return brokers, leaders


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
