#!/usr/bin/env python3
"""The page at / in a headless Chromium: over made-up snapshots (tests/tools/site), and over the demo.

$PAGE_SHOTS names a folder for screenshots: look at them after a change of the page.
"""

import os
import re
import socket
import subprocess
import urllib.parse

import world
from browser import Browser
from world import case, expect, expect_that, wait_equal, wait_until

HOSTILE = "<img src=x onerror=alert(1)>"
ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"

browser = site = demo = None


class Site(world.Background):
    """tests/tools/site; tell() changes what its next snapshots are."""

    def __init__(self, groups):
        self.process = subprocess.Popen([os.path.dirname(world.TRAFFIC) + "/site", str(groups)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        world._undo.append(self.kill)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/"

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def set_up():
    global browser, site
    site = Site(1000)
    browser = Browser()


# --- looking at the page ---

def show(url, width=1280, height=1000, scheme="light"):
    browser.resize(width, height, scheme)
    browser.open(url)
    wait_until(rows, "groups on the page")


def text(selector):
    return browser.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)


def texts(selector):
    return browser.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)",
                       selector)


def count(selector):
    return browser.run("return document.querySelectorAll(arguments[0]).length", selector)


def visible(selector):
    return browser.run("return document.querySelector(arguments[0])?.checkVisibility() ?? false",
                       selector)


def attribute(selector, name):
    return browser.run("return document.querySelector(arguments[0]).getAttribute(arguments[1])",
                       selector, name)


def click(selector):
    browser.run("document.querySelector(arguments[0]).click()", selector)


def rows():
    return texts(".group .opener .name")


def lags():
    """None where it is a word and not a number."""
    return [int(t.replace(",", "")) if t[:1].isdigit() else None for t in texts(".group .lag")]


def search(words):
    browser.run("""const box = document.querySelector("#search");
        box.value = arguments[0];
        box.dispatchEvent(new Event("input"))""", words)


def row_of(name):
    search(name)
    wait_equal(rows, [name], "the groups found")


def shot(name):
    if os.environ.get("PAGE_SHOTS"):
        os.makedirs(os.environ["PAGE_SHOTS"], exist_ok=True)
        browser.screenshot(f"{os.environ['PAGE_SHOTS']}/{name}.png")


def no_trouble():
    """The browser complains of nothing: no policy broken, no script failed, nothing missing."""
    expect([entry["message"] for entry in browser.log()], [], "log of the browser")


# --- made-up snapshots ---

@case("groups are sorted by lag, unknown last, a hundred of a thousand at first")
def sorted_by_lag():
    browser.log("performance")
    show(site.url)
    shown = lags()
    expect(len(shown), 100, "rows")
    expect_that(shown == sorted(shown, reverse=True), "lags that fall", shown)
    expect(text("#group-count"), "1,000", "groups")
    expect(text("#more"), "Show 100 more of 900", "the button below")
    click("#more button")
    expect(count(".group"), 200, "rows after Show more")
    row_of("gruppe-\u00fc\u00f1\u00ef-\u6d88")
    search("not-utf8")
    expect(texts(".group .lag"), ["unknown"], "lag that was never read")
    shot("wide-light")
    no_trouble()


@case("nothing is asked of anybody else, and the policy is strict")
def asks_nobody_else():
    asked = browser.requests()
    expect_that(any(url.endswith("/api/v1/lag") for url in asked), "a request for the lag", asked)
    # chrome: is the page that the browser begins with.
    foreign = [url for url in asked if not url.startswith((site.url, "data:", "chrome:"))]
    expect(foreign, [], "requests to elsewhere")
    policy = browser.run("""return fetch("/").then(r => r.headers.get("Content-Security-Policy"))""")
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'",
                 "connect-src 'self'", "frame-ancestors 'none'"):
        expect_that(part in policy, part, policy)


@case("columns sort by name, state and quality of the data")
def columns_sort():
    search("")
    click("[data-sort=group] button")
    names = rows()
    expect_that(names.index("service-0005") < names.index("service-0006"), "names that rise", names)
    expect(attribute("[data-sort=group]", "aria-sort"), "ascending")
    expect(attribute("[data-sort=lag]", "aria-sort"), None)
    click("[data-sort=data] button")
    expect([t.split("\n")[0] for t in texts(".group .badge")][:3], ["unknown", "stale", "partial"])
    click("[data-sort=data] button")
    expect(attribute("[data-sort=data]", "aria-sort"), "ascending")
    click("[data-sort=lag] button")
    expect(attribute("[data-sort=lag]", "aria-sort"), "descending")


@case("an opened group stays when it leaves the first hundred, and is closed when not found")
def opened_stays():
    search("")
    opened = "return document.querySelector('.open .opener .name')?.textContent ?? null"
    last = rows()[-1]
    browser.run("[...document.querySelectorAll('.opener')].at(-1).click()")
    wait_until(lambda: count(".open .topic") > 0, "its topics")
    click("[data-sort=group] button")
    if last < "service-0500":  # which is among the first hundred when names rise, or near them
        click("[data-sort=group] button")
    expect((len(rows()), rows()[-1], browser.run(opened)), (101, last, last), "rows")
    expect(text("#more"), "Show 100 more of 899", "the button below")
    shot("opened-beyond")
    search("not-utf8")
    expect(count(".open"), 0, "opened rows")
    browser.requests()
    seen = text("#total")
    search("")
    wait_until(lambda: text("#total") != seen, "another snapshot")
    expect([url for url in browser.requests() if "/groups/" in url], [], "requests for details")
    expect((len(rows()), count(".open")), (100, 0), "rows, and opened ones")
    click("[data-sort=lag] button")
    no_trouble()


@case("search finds plain text in groups and topics")
def search_finds():
    for words, found in (("SERVICE-0042", 1), ("topic-0", 100), ("service-.*", 0), ("  a-name ", 1)):
        search(words)
        expect(len(rows()), found, f"groups with {words!r}")
    search("nowhere to be found")
    expect(visible("#empty"), True, "the note that nothing was found")
    expect(text("#shown"), "0 of 1,000 match")
    search("")
    browser.keys("/")
    browser.keys("0777")
    wait_equal(rows, ["service-0777"], "groups found by the keyboard")
    browser.keys(ESCAPE)
    wait_equal(lambda: len(rows()), 100, "groups after Escape")


@case("a group with a hostile name is harmless, opened, too")
def hostile_name():
    row_of(HOSTILE)
    expect(count("#table img, #table script, #table b, .rules b"), 0, "elements out of names")
    click(".opener")
    wait_until(lambda: texts(".parts .owner"), "partitions")
    expect_that("<script>alert(2)</script>" in text(".parts tbody .owner"), "the client's id",
                text(".parts tbody .owner"))
    asked = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    want = site.url + "api/v1/groups/" + urllib.parse.quote(HOSTILE, safe="()")
    expect_that(want in asked, want, [url for url in asked if "groups/" in url])
    expect(text(".rule .name"), "orders")
    expect(texts(".rule h3")[2], "<b>mail</b>")
    shot("wide-hostile")
    no_trouble()


@case("a group is opened by the keyboard, and shows its chart and partitions")
def opened_by_keyboard():
    row_of("service-0990")
    browser.run("document.querySelector('#search').focus()")
    browser.keys(TAB)
    while browser.run("return !document.activeElement.matches('.opener')"):
        browser.keys(TAB)
    expect(attribute(".opener", "aria-expanded"), "false")
    browser.keys(ENTER)
    wait_until(lambda: count(".topic") == 10, "10 topics")
    expect(attribute(".opener", "aria-expanded"), "true")
    label = attribute(".detail .chart", "aria-label")
    expect_that(re.match(r"Lag over the last (10 min|9 min 5\d s): least [\d,]+, most ", label),
                "a chart in words", label)
    click(".topic summary")
    wait_until(lambda: count(".topic[open] .parts tbody tr") == 10, "10 partitions")
    expect(text(".topic[open] .parts tbody td:nth-child(4)"), "1,000,000,000", "log end offset")
    expect(browser.run("return document.activeElement.matches('.opener')"), True, "focus kept")
    browser.keys(ENTER)
    wait_equal(lambda: count(".detail"), 0, "opened groups")


@case("labels of the time axis keep apart, whatever the span and the width")
def time_labels():
    close = browser.run("""return import("/chart.js").then(({Chart}) => {
        const close = [], frame = document.createElement("div");
        document.body.append(frame);
        for (const width of [200, 280, 340, 700, 1000, 1190, 1440])
            for (let span = 20000; span <= 600000; span += 5000) {
                const chart = new Chart("Lag"), now = 1700000000000;
                frame.style.width = `${width}px`;
                frame.append(chart.element);
                chart.draw([[now - span, 99999999], [now, 5]], now - span, now);
                const boxes = [...chart.svg.querySelectorAll(".chart-text")].map(text =>
                    text.getBoundingClientRect());
                const low = Math.max(...boxes.map(box => box.top));
                const times = boxes.filter(box => box.top === low).reverse();
                if (times.length < (width < 300 ? 1 : 2) ||
                    times.some((box, i) => i && box.left < times[i - 1].right + 6))
                    close.push([width, span, times.length]);
                chart.close();
                chart.element.remove();
            }
        frame.remove();
        return close;
    })""")
    expect(close, [], "width, span and number of labels that are too close")


@case("fresh, partial, stale and unknown are told in words")
def states_in_words():
    search("")
    for number, words in enumerate(("fresh 997", "partial 1", "stale 1", "unknown 1")):
        expect(" ".join(texts("#shares li")[number].split()), words)
    expect(text("#health"), "partial")
    row_of("gruppe-\u00fc\u00f1\u00ef-\u6d88")
    expect(text(".group .col-data").split("\n"), ["stale", "42 s old"])
    expect_that("timed out" in text(".group .group-error"), "why", text(".group .group-error"))
    search("a-name-without")
    expect(texts(".group .lag"), ["no commit"], "lag of a group without a commit")


@case("replicas are shown where a scaler runs: size, reason, last write, failure")
def replicas_shown():
    expect(visible("#scaler"), True, "the section")
    expect(text(".rule .rule-size").split(), ["4", "\u2192", "7", "wanted"])
    expect(text(".rule .badge"), "scaling up")
    expect_that(text(".rule .rule-write").startswith("Wrote 2 \u2192 4, 1 min"), "the last write",
                text(".rule .rule-write"))
    expect(texts(".rule > .badge")[2], "cannot scale")
    expect_that("404" in texts(".rule-problem")[2], "why", texts(".rule-problem"))


@case("no width from 320 to 1280 scrolls sideways, closed or opened")
def no_sideways():
    for width in (320, 360, 600, 768, 1000, 1280):
        show(site.url, width, 900, "dark" if width == 360 else "light")
        if width == 360:
            shot("phone-dark")
        row_of(HOSTILE)
        click(".opener")
        wait_until(lambda: count(".parts tbody tr") == 10, "10 partitions")
        expect(browser.run("return document.documentElement.scrollWidth"), width, "width")
        if width == 360:
            browser.run("document.querySelector('#groups').scrollIntoView()")
            shot("phone-opened")
    no_trouble()


@case("dark and light follow the system, and the button overrides it for good")
def dark_and_light():
    colour = "return getComputedStyle(document.body).backgroundColor"
    show(site.url, scheme="light")
    light = browser.run(colour)
    browser.scheme("dark")
    dark = browser.run(colour)
    expect_that(light != dark, "another background in the dark", dark)
    shot("wide-dark")
    click("#theme")
    expect(browser.run(colour), light, "background after the button")
    show(site.url, scheme="dark")
    expect(browser.run(colour), light, "background after a reload")
    browser.run("localStorage.clear()")
    browser.scheme("light", motion="reduce")
    expect(browser.run("return getComputedStyle(document.querySelector('main')).transitionDuration"),
           "0s", "transition with reduced motion")


@case("a thousand groups are there at once and updated without a hitch")
def thousand_groups():
    show(site.url)
    took = browser.run("return performance.now()")
    expect_that(took < 10000, "rows within 10 s of the navigation", took)
    browser.run("""new PerformanceObserver(list => {
            for (const entry of list.getEntries())
                window.longest = Math.max(window.longest, entry.duration);
        }).observe({type: "longtask"})""")
    seen, longest = text("#total"), []
    for _ in range(3):
        browser.run("window.longest = 0")
        seen = wait_until(lambda before=seen: text("#total") != before and text("#total"),
                          "another total")
        longest.append(browser.run("return window.longest"))
    print(f"# the first rows after {took:.0f} ms, the longest tasks of updates {longest} ms")
    # The best of three, since others may be busy on this machine.
    expect_that(min(longest) < 300, "an update without a task of 0.3 s", longest)


@case("Kafka that does not answer is told, with the reason and the age")
def kafka_down():
    show(site.url)
    site.tell("down metadata: <i>timed out</i>")
    wait_equal(lambda: text("#health"), "Kafka unreachable", "health")
    expect(text("#notice-text"), "Kafka does not answer: metadata: <i>timed out</i>.")
    expect(text("#kafka"), "unreachable")
    wait_until(lambda: re.match(r"read ([3-9]|\d\d) s ago", text("#age")),
               "an age that grows though snapshots come")
    shot("kafka-down")
    site.tell("up")
    wait_equal(lambda: visible("#notice"), False, "the notice, gone again")


@case("groups come and go")
def groups_come_and_go():
    site.tell("groups 3")
    wait_equal(lambda: len(rows()), 3, "rows")
    expect(visible("#more"), False, "the button for more")
    site.tell("groups 0")
    wait_equal(lambda: text("#empty"), "Kafka has no consumer group.", "the note")
    no_trouble()


# --- Kafka that never answered, and hexlag that refuses ---

def start_silent(name, **options):
    """hexlag over a Kafka that takes connections and says nothing."""
    silent = socket.create_server(("127.0.0.1", 0))
    world._undo.append(silent.close)
    hexlag = world.Hexlag(name, f"127.0.0.1:{silent.getsockname()[1]}", **options)
    wait_until(lambda: hexlag.get("/healthz")[0] == 200, "hexlag to listen")
    return hexlag


def open_page(hexlag, width=1280, scheme="light"):
    browser.resize(width, 1000, scheme)
    browser.open(f"http://127.0.0.1:{hexlag.port}/")


def leave():
    """The browser logs answers that are errors; that is no trouble here."""
    browser.open("about:blank")
    for entry in browser.log():
        expect_that("the server responded with a status of" in entry["message"], "a refusal only",
                    entry["message"])


@case("before Kafka was asked nothing is claimed, and hexlag does answer")
def not_asked_yet():
    open_page(start_silent("asking", timeout="60s"))
    wait_equal(lambda: text("#health"), "not ready", "health")
    expect(text("#notice-text"), "hexlag answers with status 503: Kafka has not been asked yet.")
    expect(texts(".tile .figure, #shares li span:last-child"), ["\u2013"] * 7, "figures")
    expect(text("#empty"), "Not read yet.")
    shot("not-asked")
    leave()


@case("unknown is no zero where Kafka has never answered")
def never_answered():
    hexlag = world.Hexlag("never", "127.0.0.1:1")
    wait_until(lambda: hexlag.get("/api/v1/lag")[0] == 200, "a first snapshot")
    for width, scheme in ((360, "dark"), (360, "light"), (1280, "dark"), (1280, "light")):
        open_page(hexlag, width, scheme)
        wait_equal(lambda: text("#health"), "Kafka unreachable", "health")
        expect(texts(".tile .figure"), ["unknown", "unknown", "unreachable"], "figures")
        expect(text("#empty"), "Not read yet: Kafka has not answered.")
        expect(text("#age"), "never read")
        expect(re.findall(r"\d", text("main")), [], "digits on the page")
        expect(browser.run("return document.documentElement.scrollWidth"), width, "width")
        shot(f"never-{width}-{scheme}")
    search("orders")
    expect((text("#shown"), text("#empty")), ("", "Not read yet: Kafka has not answered."))
    no_trouble()


@case("a refusal in plain text is told as it is, and not as silence")
def refused():
    web = f"{world.folder}/limited.yml"
    with open(web, "w", encoding="utf-8") as file:
        file.write("rate_limit:\n  interval: 1h\n  burst: 14\n")
    open_page(start_silent("limited", exporter={"web_config": web}))
    wait_equal(lambda: text("#health"), "refused", "health")
    expect(text("#notice-text"), "hexlag answers with status 429: too many requests.")
    shot("refused")
    leave()


# --- the demo ---

def start_demo():
    global demo
    if not browser:
        set_up()
    port = world.free_port()
    demo = world.Background("demo", world.HEXLAG, "demo", "--plain", "--listen", f"127.0.0.1:{port}")
    demo.url = f"http://127.0.0.1:{port}/"
    demo.wait_log(f"http://localhost:{port}/$")


@case("the demo is alive: lag moves, replicas follow, history is there on a reload", start_demo)
def demo_is_alive():
    wait_until(lambda: demo.log_lines("replicas  up"), "a burst that raises the replicas")
    show(demo.url)
    expect(rows(), ["billing"])
    wait_equal(lambda: text("#health"), "live", "health")
    wait_until(lambda: visible("#scaler") and text(".rule .rule-size")[:1].isdigit(), "replicas")
    before = text(".group .lag")
    wait_until(lambda: text(".group .lag") != before, "another lag")
    points = browser.run("return fetch('/api/v1/history').then(r => r.json())")
    expect_that(len(points["times_ms"]) >= 2, "history", points)
    drawn = attribute(".group .chart-line", "d")
    expect_that(drawn.count("L") >= 1, "a line of what was before the page was there", drawn)
    shot("demo")
    no_trouble()


@case("hexlag that stops is told, what is shown greys, and its age grows", start_demo)
def hexlag_stops():
    demo.stop()
    wait_equal(lambda: text("#health"), "no answer", "health")
    expect(text("#notice-text"), "hexlag does not answer: no connection.")
    age = text("#age")
    wait_until(lambda: text("#age") != age, "another age")
    wait_equal(lambda: browser.run("return getComputedStyle(document.querySelector('main')).opacity"),
               "0.5", "opacity")
    expect(rows(), ["billing"], "the last known groups")
    shot("stopped")


world.main(set_up)
