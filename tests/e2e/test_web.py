#!/usr/bin/env -S python3 -B
"""TLS, client certificates and basic auth of the listener, and their change while hexlag runs.

No Kafka is there: the listener is up before Kafka is asked.
"""

import base64
import os
import shutil
import ssl
import threading
import time
import urllib.error
import urllib.request

from world import (HEXLAG, POLL, ROOT, Background, Failure, Metrics, Skip, case, expect,
                   expect_that, folder, free_port, main, run, wait_equal, wait_until)

# bcrypt of "correct horse" at cost 10, of "staple" at cost 4.
ALICE = "$2b$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu"
BOB = "$2a$04$abcdefghijklmnopqrstuu3GnzM6Zr9r421eNILtANLp8LVEEJQdK"
RELOAD = 5  # seconds in which a change is to be seen; hexlag promises two


def path(name):
    return f"{folder}/{name}"


def write(name, text):
    """All at once, as a Secret of Kubernetes changes."""
    with open(path(name) + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path(name) + ".new", path(name))


def authority(name):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={name}", "-days", "30", "-keyout", path(name + ".key"),
        "-out", path(name + ".crt"))


def certificate(name, issuer, san, usage):
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={name}", "-keyout", path(name + ".key"), "-out", path(name + ".csr"))
    with open(path(name + ".ext"), "w", encoding="utf-8") as f:
        f.write(f"subjectAltName={san}\nextendedKeyUsage={usage}\n")
    run("openssl", "x509", "-req", "-in", path(name + ".csr"), "-CA", path(issuer + ".crt"),
        "-CAkey", path(issuer + ".key"), "-CAcreateserial", "-days", "30",
        "-extfile", path(name + ".ext"), "-out", path(name + ".crt"))


def set_up():
    if not shutil.which("openssl"):
        raise Skip("openssl is not there")
    authority("ca")
    authority("stranger")
    for name in ("server", "server2"):
        certificate(name, "ca", "DNS:localhost,IP:127.0.0.1", "serverAuth")
    certificate("client", "ca", "DNS:prometheus.example", "clientAuth")
    certificate("other", "ca", "DNS:other.example", "clientAuth")
    certificate("forged", "stranger", "DNS:prometheus.example", "clientAuth")


def configure(name, listen=":0"):
    """NAME.conf, which names NAME.yml."""
    write(f"{name}.conf", f'kafka = {{ bootstrap = "127.0.0.1:1"; }};\n'
          f'exporter = {{ listen = "{listen}"; web_config = "{name}.yml"; }};\n')


class Site(Background):
    """hexlag with a web configuration."""

    def __init__(self, name, web):
        self.port = free_port()
        self.web = f"{name}.yml"
        write(self.web, web)
        configure(name, f"127.0.0.1:{self.port}")
        super().__init__(name, HEXLAG, "run", "-c", path(f"{name}.conf"))
        self.look("https" if "cert_file" in web else "http")

    def look(self, scheme):
        self.wait_log("exporter on")
        self.tls = ssl.create_default_context(cafile=path("ca.crt"))
        self.scheme = scheme

    def get(self, what="/metrics", user=None, tls=None, scheme=None):
        """Status, text and headers; None where there is no answer."""
        request = urllib.request.Request(f"{scheme or self.scheme}://127.0.0.1:{self.port}{what}")
        if user is not None:
            request.add_header("Authorization",
                               "Basic " + base64.b64encode(user.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=5, context=tls or self.tls) as r:
                return r.status, r.read().decode(), r.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers
        except (urllib.error.URLError, ConnectionError, ssl.SSLError):
            return None, "", {}

    def wait_up(self):
        wait_until(lambda: self.get("/healthz", tls=self.tls)[0], "an answer")
        return self

    def serial(self):
        pem = ssl.get_server_certificate(("127.0.0.1", self.port))
        return run("openssl", "x509", "-noout", "-serial", text=pem).stdout.strip()

    def config_ok(self, user=None):
        return Metrics(self.get(user=user)[1]).one("hexlag_web_config_ok")


class FlagSite(Site):
    """hexlag in the place of kafka_exporter."""

    def __init__(self, name, *flags):
        self.port = free_port()
        Background.__init__(self, name, HEXLAG, "exporter", "--kafka.server=127.0.0.1:1",
                            f"--web.listen-address=127.0.0.1:{self.port}", *flags)
        self.look("https")


def serial_of(name):
    return run("openssl", "x509", "-noout", "-serial", "-in", path(name + ".crt")).stdout.strip()


def context(name=None):
    tls = ssl.create_default_context(cafile=path("ca.crt"))
    if name:
        tls.load_cert_chain(path(name + ".crt"), path(name + ".key"))
    return tls


SERVER = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
MUTUAL = SERVER + "  client_ca_file: ca.crt\n  client_auth_type: "
USERS = f"basic_auth_users:\n  alice: {ALICE}\n  bob: {BOB}\n"


@case("TLS is served with the certificate of the file, and nothing is without it")
def serves_tls():
    site = Site("tls", SERVER).wait_up()
    status, text, headers = site.get()
    expect(status, 200, "status")
    expect_that("hexlag_build_info" in text, "metrics", text[:200])
    expect(site.serial(), serial_of("server"), "serial number of the certificate")
    expect(site.get(scheme="http")[0], None, "an answer in the clear")
    for name, value in {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "deny",
                        "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
                        "Strict-Transport-Security": None}.items():
        expect(headers.get(name), value, name)
    expect_that("default-src 'none'" in headers["Content-Security-Policy"], "a policy",
                headers["Content-Security-Policy"])
    old = run("openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", "-tls1_1", "-cipher",
              "DEFAULT@SECLEVEL=0", text="", check=False)
    expect_that("Cipher is (NONE)" in old.stdout, "no TLS 1.1", old.stdout)
    expect(site.stop()[0], 0, "exit code")


@case("a client certificate is needed, of the right authority and with an allowed name")
def mutual_tls():
    site = Site("mutual", MUTUAL + "RequireAndVerifyClientCert\n"
                "  client_allowed_sans: [ prometheus.example ]\n")
    wait_until(lambda: site.get(tls=context("client"))[0] == 200, "an answer")
    for name in (None, "other", "forged", "server"):
        expect(site.get(tls=context(name))[0], None, f"answer to {name}")
    expect(site.get(tls=context("client"))[0], 200, "answer to the client")


@case("the flags of kafka_exporter do the same")
def tls_by_flags():
    tls = ["--server.tls.enabled", "--server.tls.cert-file", path("server.crt"),
           "--server.tls.key-file", path("server.key")]
    site = FlagSite("flags", *tls).wait_up()
    expect(site.get()[0], 200, "status")
    mutual = ["--server.tls.mutual-auth-enabled", "--server.tls.ca-file", path("ca.crt")]
    site = FlagSite("flags-mutual", *tls, *mutual)
    wait_equal(lambda: site.get(tls=context("client"))[0], 200, "status with a certificate")
    for name in (None, "forged"):
        expect(site.get(tls=context(name))[0], None, f"answer to certificate {name}")
    for missing in (tls[:1], tls + mutual[:1], tls[:2] + [path("nowhere.crt")] + tls[3:]):
        done = run(HEXLAG, "exporter", *missing, check=False)
        expect(done.returncode, 2, f"exit code of {missing}")
        expect_that(done.stderr, "a message", done.stderr)


@case("every other client_auth_type does what Go does")
def client_auth_types():
    for kind, welcome in {"VerifyClientCertIfGiven": (None, "client"),
                          "RequireAnyClientCert": ("client", "forged"),
                          "RequestClientCert": (None, "client", "forged")}.items():
        text = MUTUAL + kind + "\n"
        if kind != "VerifyClientCertIfGiven":
            text = text.replace("  client_ca_file: ca.crt\n", "")
        site = Site(kind, text)
        wait_until(lambda s=site, w=welcome: s.get(tls=context(w[0]))[0] == 200, "an answer")
        for name in (None, "client", "forged"):
            expect(site.get(tls=context(name))[0], 200 if name in welcome else None,
                   f"{kind}: answer to {name}")
        site.stop()


@case("a password is needed, but not for probes; nothing tells which names there are")
def basic_auth():
    site = Site("users", USERS).wait_up()
    for user, status in {"alice:correct horse": 200, "bob:staple": 200, "alice:wrong": 401,
                         "alice:": 401, "bob:correct horse": 401, "nobody:correct horse": 401,
                         ":": 401, "": 401, None: 401}.items():
        got, _, headers = site.get(user=user)
        expect(got, status, f"status for {user}")
        expect_that(status == 200 or headers["WWW-Authenticate"].startswith("Basic "),
                    "a request for a password", headers)
    expect(site.get("/healthz")[0], 200, "status of /healthz")
    expect(site.get("/readyz")[0], 503, "status of /readyz")
    refused = Metrics(site.get(user="bob:staple")[1])
    expect(refused.one("hexlag_http_requests_refused_total", reason="credentials"), 7)

    def seconds(user):
        began = time.monotonic()
        site.get(user=user)
        return time.monotonic() - began
    slow = min(seconds("alice:wrong") for _ in range(3))
    expect_that(min(seconds("nobody:wrong") for _ in range(3)) > slow / 3,
                "an unknown name to take the time of a hash", slow)
    expect_that(min(seconds("alice:correct horse") for _ in range(3)) < slow / 2,
                "a known password to be fast", slow)


@case("a flood of wrong passwords delays nobody who is known")
def flood():
    site = Site("flood", USERS).wait_up()
    expect(site.get(user="alice:correct horse")[0], 200)
    stop = threading.Event()
    seen = set()

    def attack():
        while not stop.is_set():
            seen.add(site.get(user="alice:wrong")[0])
    threads = [threading.Thread(target=attack) for _ in range(16)]
    for t in threads:
        t.start()
    wait_until(lambda: seen, "a first refusal")
    slowest = 0
    for _ in range(20):
        began = time.monotonic()
        expect(site.get(user="alice:correct horse")[0], 200)
        slowest = max(slowest, time.monotonic() - began)
    stop.set()
    for t in threads:
        t.join()
    expect_that(seen <= {401, 503}, "refusals", seen)
    expect_that(slowest < 1, "an answer within a second", slowest)


@case("new certificates, authorities and users are taken while scrapes go on")
def reload():
    for suffix in (".crt", ".key"):
        shutil.copy(path("server" + suffix), path("live" + suffix))
    web = SERVER.replace("server.", "live.") + USERS
    site = Site("reload", web).wait_up()
    stop = threading.Event()
    failed = []

    def scrape():
        while not stop.is_set():
            status = site.get(user="bob:staple")[0]
            if status != 200:
                failed.append(status)
    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        shutil.copy(path("server2.crt"), path("live.crt"))
        time.sleep(POLL)  # the two are never written at once; no deadline hangs on it
        shutil.copy(path("server2.key"), path("live.key"))
        wait_equal(site.serial, serial_of("server2"), "serial number", RELOAD)
        write(site.web, web.replace("alice", "carol"))
        wait_equal(lambda: site.get(user="carol:correct horse")[0], 200, "the new user", RELOAD)
        expect(site.get(user="alice:correct horse")[0], 401, "status for a user that was")
    finally:
        stop.set()
        scraper.join()
    expect(failed, [], "scrapes that failed")


@case("what cannot be used keeps what is in force, and says so once")
def bad_reload():
    for suffix in (".crt", ".key"):
        shutil.copy(path("server" + suffix), path("kept" + suffix))
    web = SERVER.replace("server.", "kept.")
    site = Site("kept", web).wait_up()
    expect(site.config_ok(), 1, "hexlag_web_config_ok")
    write(site.web, web + "  cert_fil: x\n")
    wait_equal(site.config_ok, 0, "hexlag_web_config_ok", RELOAD)
    expect_that(len(site.wait_log("kept.yml:4: cert_fil: unknown field; keeping")) == 1,
                "one line", site.log())
    write(site.web, web)
    wait_equal(site.config_ok, 1, "hexlag_web_config_ok", RELOAD)
    shutil.copy(path("server2.crt"), path("kept.crt"))
    wait_equal(site.config_ok, 0, "hexlag_web_config_ok", RELOAD)
    expect(site.serial(), serial_of("server"), "serial number")
    expect(len(site.wait_log("kept.crt' with key '.*kept.key': .*keeping")), 1, "lines")
    os.remove(path("kept.crt"))
    site.wait_log("kept.crt: No such file or directory; keeping")
    shutil.copy(path("server.crt"), path("kept.crt"))
    wait_equal(site.config_ok, 1, "hexlag_web_config_ok", RELOAD)
    write(site.web, USERS)
    site.wait_log("TLS is switched on and off by a restart only; keeping")
    expect(site.get()[0], 200, "status")


@case("a rate limit is kept, and headers are set")
def limits():
    site = Site("limits", "rate_limit: { interval: 1m, burst: 3 }\n"
                "http_server_config: { headers: { X-Frame-Options: sameorigin,\n"
                "  Strict-Transport-Security: max-age=9 } }\n").wait_up()
    expect([site.get()[0] for _ in range(5)], [200, 200, 200, 429, 429], "statuses")
    headers = site.get("/healthz")[2]
    expect(headers["X-Frame-Options"], "sameorigin")
    expect(headers["Strict-Transport-Security"], "max-age=9")


@case("hexlag check reads the web configuration, too, and hexlag run ends with 2")
def check():
    write("bad.yml", SERVER + "  min_version: TLS14\n")
    configure("bad")
    for command in ("check", path("bad.conf")), ("run", "-c", path("bad.conf")):
        done = run(HEXLAG, *command, check=False)
        expect(done.returncode, 2, "exit code")
        expect_that("bad.yml:4: min_version: unknown value 'TLS14'" in done.stderr,
                    "the place of the error", done.stderr)


@case("cipher suites and curves are those of the file, or are refused")
def suites():
    site = Site("suites", SERVER + "  max_version: TLS12\n  curve_preferences: [ CurveP384 ]\n"
                "  cipher_suites: [ TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ]\n").wait_up()
    done = run("openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", text="")
    for want in ("ECDHE-ECDSA-AES256-GCM-SHA384", "P-384, 384 bits|secp384r1"):
        expect_that(any(w in done.stdout for w in want.split("|")), want, done.stdout[-1500:])
    write("mixed.yml", SERVER + "  cipher_suites: [ TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,\n"
          "    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA ]\n")
    configure("mixed")
    done = run(HEXLAG, "check", path("mixed.conf"), check=False)
    expect_that("of these GnuTLS would make" in done.stderr, "a refusal", done.stderr)


@case("promtool takes the same files")
def promtool():
    if not shutil.which("promtool"):
        raise Skip("promtool is not there")
    run("promtool", "check", "web-config", f"{ROOT}/conf/web.yml")
    commented = [line[2:] for line in open(f"{ROOT}/conf/web.yml", encoding="utf-8")
                 if line.startswith("# ") and (line[2:4] == "  " or ":\n" in line)]
    write("sample.yml", "".join(commented).replace("server.", "server2.").replace(
        "clients.crt", "ca.crt"))
    expect_that("client_ca_file: ca.crt" in open(path("sample.yml"), encoding="utf-8").read(),
                "the sample without its comment signs", commented)
    # Debian 12's does not know two newer fields of the sample.
    run("promtool", "check", "web-config", path("tls.yml"), path("users.yml"))
    configure("sample")
    expect(run(HEXLAG, "check", path("sample.conf")).returncode, 0, "exit code for the sample")


main(set_up)
