#!/usr/bin/env -S python3 -B
"""The root of the image, as docker/tree makes it, run as a container runtime would: a root of its
own, read-only, user 65532, /tmp in memory, hosts and resolv.conf from outside. No image is built
here, which would take a container engine.

All of it happens in a network of its own, where Strimzi's port and that of DNS are free."""

import fcntl
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import urllib.request

if os.geteuid() == 0 and not os.environ.get("OWN_NETWORK") and not subprocess.run(
        ["unshare", "--net", "--mount", "true"], check=False, capture_output=True).returncode:
    os.execvpe("unshare", ["unshare", "--net", sys.executable, "-B", *sys.argv],
               {**os.environ, "OWN_NETWORK": "1"})

from world import (HEXLAG, ROOT, Background, Failure, Metrics, Skip, World, case, expect, expect_that,
                   folder, free_port, main, run, wait_until)

TREE = folder + "/tree"
LARGEST_MIB = 32
DNS = "127.0.0.1"
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # netdevice(7)

# What the runtime does before it starts the program.
ENTER = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
exec chroot --userspec=65532:65532 --groups= "$root" "$@"
"""


def contained(*command):
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", TREE, *command]


def set_up():
    if not os.environ.get("OWN_NETWORK"):
        raise Skip("needs root, and the right to mount and to make a network")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    print("# " + run(ROOT + "/docker/tree", TREE, env={**os.environ, "HEXLAG": HEXLAG}).stderr.strip())
    os.chmod(folder, 0o755)
    os.mkdir(TREE + "/proc")  # a runtime makes its mount points
    for name, text in (("hosts", "127.0.0.1 localhost\n"), ("resolv.conf", f"nameserver {DNS}\n")):
        with open(f"{TREE}/etc/{name}", "w", encoding="ascii") as file:
            file.write(text)


def files():
    for parent, folders, names in os.walk(TREE):
        for name in folders + names:
            yield os.path.join(parent, name)[len(TREE):]


@case("the tree is small, belongs to root, and holds no shell and nothing setuid")
def lean():
    size = 0
    for name in files():
        status = os.lstat(TREE + name)
        size += status.st_size if stat.S_ISREG(status.st_mode) else 0
        expect((status.st_uid, status.st_gid), (0, 0), f"owner of {name}")
        if not stat.S_ISLNK(status.st_mode) and name != "/tmp":
            expect(status.st_mode & 0o6022, 0, f"setuid, setgid, or writable by others: {name}")
    expect_that(size <= LARGEST_MIB << 20, f"at most {LARGEST_MIB} MiB", size)
    programs = [n for n in files() if os.access(TREE + n, os.X_OK) and os.path.isfile(TREE + n)
                and not re.search(r"\.so\.\d+$", n)]
    expect(sorted(programs), ["/opt/kafka-exporter/kafka_exporter_run.sh", "/usr/bin/hexlag",
                              "/usr/bin/kafka_exporter"], "programs")


@case("all links stay inside, and both names of kafka_exporter are the program")
def links():
    for name in files():
        if os.path.islink(TREE + name):
            to = os.readlink(TREE + name)
            inside = TREE + to if to.startswith("/") else os.path.join(os.path.dirname(TREE + name), to)
            expect_that(os.path.exists(inside), "an existing target", f"{name} -> {to}")
    for name in ("/bin/kafka_exporter", "/opt/kafka-exporter/kafka_exporter_run.sh"):
        expect(os.path.realpath(TREE + name), os.path.realpath(TREE) + "/usr/bin/hexlag", name)


def served(port, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return response.read().decode()


@case("the program starts, and tells the version that it tells outside")
def version():
    expect(run(*contained("/usr/bin/hexlag", "version")).stdout, run(HEXLAG, "version").stdout, "version")
    said = run(*contained("/bin/kafka_exporter", "--version")).stdout
    expect_that("in the place of kafka_exporter" in said, "a version as kafka_exporter", said)


@case("flags of kafka_exporter without a command are taken, as by a container that has only arguments")
def arguments_only():
    port = free_port()
    exporter = Background("arguments", *contained("/usr/bin/hexlag", "--kafka.server=127.0.0.1:1",
                                                  f"--web.listen-address=127.0.0.1:{port}"))
    wait_until(lambda: "hexlag_build_info" in served(port), "/metrics")
    exporter.kill()


@case("/metrics is served by user 65532 without a group, on a root that nobody can write")
def serves():
    port = free_port()
    demo = Background("demo", *contained("/usr/bin/hexlag", "demo", "--plain", "--listen",
                                         f"127.0.0.1:{port}"))

    wait_until(lambda: Metrics(served(port)).all("kafka_consumergroup_lag"), "lag in /metrics")
    with open(f"/proc/{demo.pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":", 1) for line in file)
    expect((status["Uid"].split(), status["Gid"].split(), status["Groups"].split()),
           (["65532"] * 4, ["65532"] * 4, []), "user, group, other groups")
    expect(int(status["CapEff"], 16), 0, "capabilities")
    with open(f"/proc/{demo.pid}/mountinfo", encoding="ascii") as file:
        (root,) = [line.split() for line in file if line.split()[4] == "/"]
    expect_that("ro" in root[5].split(","), "a read-only root", root[5])
    expect(demo.stop()[0], 0, "exit code of the demo")


class Broker:
    """A port that only takes connections: that one came shows that the name was found."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def reached_as(self, name):
        client = Background(name, *contained("/usr/bin/hexlag", "lag", "-b", f"{name}:{self.port}"))
        self.socket.settimeout(10)
        try:
            self.socket.accept()[0].close()
        except TimeoutError:
            raise Failure(f"no connection to {name}: {client.log()}") from None
        finally:
            client.kill()


@case("localhost is found in /etc/hosts")
def hosts_file():
    Broker().reached_as("localhost")


def answer(query):
    """The DNS response to a query: 127.0.0.1 to A, nothing to AAAA (RFC 1035, section 4.1)."""
    end = query.index(b"\0", 12) + 5
    (kind,) = struct.unpack(">H", query[end - 4:end - 2])
    count = 1 if kind == 1 else 0
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1])
    return query[:2] + struct.pack(">HHHHH", 0x8180, 1, count, 0, 0) + query[12:end] + record * count


@case("another name is asked of the name server")
def name_server():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((DNS, 53))

    def serve():
        while True:
            query, client = server.recvfrom(512)
            server.sendto(answer(query), client)
    threading.Thread(target=serve, daemon=True).start()
    Broker().reached_as("kafka.test")


@case("OpenSSL and libcurl find the certificates where they look by themselves")
def certificates():
    for name in ("/usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"):
        path = TREE + (os.readlink(TREE + name) if os.path.islink(TREE + name) else name)
        with open(path, encoding="ascii") as file:
            expect_that(file.read().count("BEGIN CERTIFICATE") > 50, "the public CAs", name)


@case("a program without its libraries, or a folder in use, is an error")
def bad_input():
    for binary, target, what in ((folder + "/none", folder + "/other", "no program at"),
                                 (HEXLAG, TREE, "is not empty")):
        done = subprocess.run([ROOT + "/docker/tree", target], env={**os.environ, "HEXLAG": binary},
                              capture_output=True, text=True, check=False)
        expect(done.returncode, 1, "exit code")
        expect_that(what in done.stderr, what, done.stderr)


# --- in the place of Strimzi's exporter ---

SCRIPT = "/opt/kafka-exporter/kafka_exporter_run.sh"


def set_up_strimzi():
    """A Kafka with TLS, and the certificates where the operator mounts them: the CA that signed the
    broker's between two others, as while it is renewed."""
    global kafka
    expect(os.path.isdir(TREE), True, "the tree of the cases before")
    kafka = World("--no-kube", "--tls").ready()
    kafka.create("orders", 1)
    kafka.traffic("produce", "orders", 9)
    for group in ("shop-a b", "other"):
        kafka.traffic("commit", group, "orders", 4)
    world = kafka.vars["HEXLAG_WORLD_DIR"]
    for name in ("cluster-ca-certs", "kafka-exporter-certs"):
        os.makedirs(f"{TREE}/etc/kafka-exporter/{name}")
    for n in (1, 2):
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN=old-{n}", "-keyout",
            folder + "/old.key", "-out", f"{TREE}/etc/kafka-exporter/cluster-ca-certs/ca-{n}.crt")
    for source, name in (("ca.crt", "cluster-ca-certs/ca-1a.crt"),
                         ("server.crt", "kafka-exporter-certs/kafka-exporter.crt"),
                         ("server.key", "kafka-exporter-certs/kafka-exporter.key")):
        shutil.copyfile(f"{world}/{source}", f"{TREE}/etc/kafka-exporter/{name}")


def strimzi(**variables):
    """A container with only the environment that the operator sets."""
    return Background("strimzi", *contained(SCRIPT), env={
        "PATH": os.environ["PATH"], **{f"KAFKA_EXPORTER_{k}": v for k, v in variables.items()}})


@case("Strimzi's command and environment serve lag over TLS on port 9404", set_up_strimzi)
def strimzi_serves():
    exporter = strimzi(LOGGING="0", KAFKA_VERSION="4.1.0", GROUP_REGEX="^shop-", TOPIC_REGEX=".*",
                       KAFKA_SERVER=kafka.vars["KAFKA_TLS_BOOTSTRAP"], ENABLE_SARAMA="false",
                       OFFSET_SHOW_ALL="true")
    lag = wait_until(lambda: Metrics(served(9404)).all("kafka_consumergroup_lag"), "lag in /metrics")
    expect(lag, {(("consumergroup", "shop-a b"), ("partition", "0"), ("topic", "orders")): 5}, "lag")
    expect(served(9404, "/healthz"), "ok", "/healthz, which the operator probes")
    expect(exporter.stop()[0], 0, "exit code")


@case("what the operator cannot have meant ends with a reason", set_up_strimzi)
def strimzi_refuses():
    server = kafka.vars["KAFKA_TLS_BOOTSTRAP"]
    for variables, why in (({}, "KAFKA_EXPORTER_KAFKA_SERVER is not set"),
                           ({"KAFKA_SERVER": server, "OFFSET_SHOW_ALL": "maybe"}, "'maybe'"),
                           ({"KAFKA_SERVER": server, "GROUP_REGEX": "(shop"}, "--group.filter")):
        exporter = strimzi(**variables)
        expect(exporter.process.wait(10), 2, f"exit code with {variables}")
        expect_that(why in exporter.log(), why, exporter.log())


main(set_up)
