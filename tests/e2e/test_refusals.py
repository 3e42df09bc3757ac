#!/usr/bin/env -S python3 -B
"""An API server that refuses: 429 and 5xx, answers that are lost or no answers, tokens that end.

A proxy in front of the real one refuses as it is told; the tokens are real ones of the service account.
"""

import itertools
import os
import time

from kubeapi import KubeApi
from kubeproxy import HANG, LOSE, KubeProxy, kubeconfig, refusal
from scaling import LASTING, TARGET, Stage, main_to_sigterm, note
from world import World, case, expect, expect_that, folder, wait_until

world = World()
TOKEN_FILE = f"{folder}/token"
ACCOUNT = "hexlag-scaler"
PATIENCE = 15  # seconds within which the size is right once all is well again


def set_up():
    global stage, proxy
    world.ready()
    world.grant_hexlag()
    proxy = KubeProxy(world)
    rotate("first")
    stage = Stage(world, kubeconfig=kubeconfig("proxied", proxy.url, {"tokenFile": TOKEN_FILE}))
    wait_until(lambda: proxy.since(0), "a request through the proxy")


def rotate(secret):
    """A new token, valid as long as this secret is there, takes the place of the one in the file as
    the kubelet does it."""
    world.kubectl("-n", "hexlag", "create", "secret", "generic", secret)
    token = world.kubectl("-n", "hexlag", "create", "token", ACCOUNT,
                          "--bound-object-kind=Secret", f"--bound-object-name={secret}")
    with open(TOKEN_FILE + ".new", "w", encoding="ascii") as f:
        f.write(token)
    os.rename(TOKEN_FILE + ".new", TOKEN_FILE)


def token():
    with open(TOKEN_FILE, encoding="ascii") as f:
        return f.read()


def refuses(old):
    api = KubeApi(world)
    api.headers = {"Authorization": f"Bearer {old}"}
    return api.call("GET", "/apis")[0] == 401


def revoke(secret):
    world.kubectl("-n", "hexlag", "delete", "secret", secret)


def burst_while(fault, enough):
    """A burst while the proxy does this; it ends when enough() is true. Then the size has to become
    right. Returns the requests that were made in that time and new log lines."""
    began, start, lines = time.time(), stage.watch.mark(), len(stage.hexlag.log_lines())
    proxy.fault = fault
    stage.produce(LASTING)
    wait_until(lambda: enough(began), "enough refused requests", 60)
    proxy.fault = None
    ended = time.time()
    made = [r for r in proxy.since(began) if r.when < ended]
    expect(stage.watch.sizes(start), [stage.low], "sizes while refused")
    added = stage.hexlag.log_lines()[lines:]
    up = stage.wait_size(stage.high, PATIENCE, start) - ended
    stage.drains(90)
    note(f"{len(made)} requests and {len(added)} log lines in {ended - began:.1f} s; "
         f"maxReplicas {up:.1f} s after it")
    stage.check()
    return made, added


def refused(count):
    """Enough when so many scale requests were refused since."""
    return lambda began: len([r for r in proxy.since(began) if r.status != 200]) >= count


def all_refused(began):
    """Of whatever was asked for: it also looks for rivals and posts events, which are not all counted."""
    return len([r for r in proxy.since(began, "") if r.status != 200])


def gaps(made):
    times = [r.when for r in made if r.status != 200]
    return [b - a for a, b in zip(times, times[1:])]


@case("429 with Retry-After: not asked again earlier, counted, said once, and then as before")
def too_many_requests():
    before, began, wait_s = stage.requests("throttled"), time.time(), 3
    made, added = burst_while(lambda *_: refusal(429, Retry_After=str(wait_s)), refused(3))
    expect_that(min(gaps(made)) >= wait_s, f"at least {wait_s} s between requests", gaps(made))
    counted = stage.requests("throttled") - before
    expect_that(len(made) <= counted <= all_refused(began), "requests counted as throttled", counted)
    expect(len([line for line in added if TARGET in line and "429" in line]), 1, "log lines on 429")


@case("5xx of all kinds, by the server and by what is in front of it: ever less requests")
def server_errors():
    before, began, errors = stage.requests("failed"), time.time(), stage.errors()
    kinds = itertools.cycle([refusal(500), refusal(502, "<html><h1>Bad Gateway</h1></html>"),
                             refusal(503, "upstream connect error"), refusal(504, ""), refusal(599)])
    made, added = burst_while(lambda *_: next(kinds), refused(5))
    expect_that(all(gap >= 0.9 for gap in gaps(made)), "at least a second between", gaps(made))
    counted = stage.requests("failed") - before
    expect_that(len(made) <= counted <= all_refused(began), "requests counted as failed", counted)
    expect(stage.errors() - errors, len(made), "hexlag_scaler_errors_total")
    told = [line for line in added if TARGET in line]
    expect_that(len(told) <= len(made) + 4, "at most a log line each", told)


@case("writes refused with 503 while reads go well: the size is written once that is over")
def writes_refused():
    made, _ = burst_while(lambda method, _: refusal(503) if method == "PUT" else None, refused(3))
    puts = [r.when for r in made if r.method == "PUT"]
    expect_that(min(b - a for a, b in zip(puts, puts[1:])) >= 0.9, "at least a second between", puts)


@case("no answer: each request ends with its time-out, and the exporter goes on")
def no_answer():
    errors = stage.errors()
    made, _ = burst_while(lambda *_: HANG, lambda began: stage.errors() >= errors + 2)
    expect_that(min(gaps(made), default=9) >= 2, "at least the time-out between", gaps(made))


@case("200 with something else than a Scale: nothing is written by it")
def not_a_scale():
    answers = itertools.cycle(["", "{", "[]", '{"kind": "Scale"}', "<html>", '{"kind": "Status"}',
                               '{"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": '
                               '{"resourceVersion": "1"}, "spec": {"replicas": -1}}'])
    made, _ = burst_while(lambda *_: refusal(200, next(answers), Content_Type="application/json"),
                          lambda began: len(proxy.since(began)) >= 5)
    expect([r.method for r in made if r.method != "GET"], [], "writes")


@case("a write is applied, but its answer lost: it is read, not written again")
def answer_lost():
    lost = []

    def lose(method, _):
        if method != "PUT" or lost:
            return None
        lost.append(time.time())
        return LOSE
    start = stage.watch.mark()
    proxy.fault = lose
    stage.produce(LASTING)
    stage.wait_size(stage.high, start=start)
    stage.hexlag.wait_log(f"{TARGET}: the API server answers again")
    stage.drains(90)
    proxy.fault = None
    sizes = stage.watch.sizes(start)
    expect(len(lost), 1, "answers lost")
    expect(sizes[:2], [stage.low, stage.high], "the first step")
    puts = [r for r in proxy.since(lost[0]) if r.method == "PUT"]
    expect(len(puts), len(sizes) - 1, "writes, as many as steps")
    stage.check()


@case("the token file is replaced, then the old token refused: not one decision fails by it")
def token_rotated():
    errors, old = stage.errors(), token()
    rotate("second")
    revoke("first")
    # What the API server knows of a token it remembers for 10 s.
    wait_until(lambda: refuses(old), "the old token refused")
    refused_since = time.time()
    stage.burst(90)
    expect_that(200 in {r.status for r in proxy.since(refused_since)}, "requests with the new token",
                proxy.since(refused_since))
    expect(stage.errors() - errors, 0, "hexlag_scaler_errors_total")
    stage.check()


@case("the old token is refused before there is a new one: said once; with it all goes on")
def token_late():
    start, lines = stage.watch.mark(), len(stage.hexlag.log_lines(TARGET))
    errors = stage.errors()
    revoke("second")
    wait_until(lambda: stage.errors() > errors, "a refused request", 60)
    stage.produce(LASTING)
    wait_until(lambda: stage.errors() >= errors + 3, "3 refused requests", 60)
    expect(stage.watch.sizes(start), [stage.low], "sizes")
    told = [line for line in stage.hexlag.log_lines(TARGET)[lines:] if "401" in line]
    expect(len(told), 1, "log lines on 401")
    rotate("third")
    rotated = time.time()
    # A refusal is tried again after up to 30 s.
    up = stage.wait_size(stage.high, 40, start) - rotated
    stage.drains(90)
    note(f"maxReplicas {up:.1f} s after the new token")
    stage.check()


if __name__ == "__main__":
    main_to_sigterm(set_up, lambda: stage)
