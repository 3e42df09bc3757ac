"""A headless Chromium, driven by chromedriver's W3C WebDriver protocol over HTTP."""

import base64
import json
import os
import shutil
import urllib.error
import urllib.request

import world


class Browser:
    """One window. Whatever it is told to log, network included, is read by log()."""

    def __init__(self):
        missing = [p for p in ("chromium", "chromedriver") if not shutil.which(p)]
        if missing:
            raise world.Skip(f"{' and '.join(missing)} not in PATH (Debian: chromium, chromium-driver)")
        port = world.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.driver = world.Background("chromedriver", "chromedriver", f"--port={port}")
        world.wait_until(lambda: self._call("GET", "/status")["ready"], "chromedriver")
        args = ["--headless=new", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={world.folder}/chromium"]
        if os.geteuid() == 0:
            args.append("--no-sandbox")
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": args, "binary": shutil.which("chromium")},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.session = f"/session/{answer['sessionId']}"
        world._undo.append(self.close)

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise world.Failure(f"{method} {path}: {error.code}: {text[:600]}") from None

    def ask(self, method, path, body=None):
        return self._call(method, self.session + path, body)

    def close(self):
        self.ask("DELETE", "")

    def devtools(self, command, **params):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of a function body of JavaScript; what it returns may be a promise."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(args)})

    def resize(self, width, height, scheme="light"):
        """The size of the page itself, and what the system says of colours."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=1, mobile=width < 600)
        self.scheme(scheme)

    def scheme(self, scheme, motion="no-preference"):
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}])

    def keys(self, text):
        """Types into whatever has the focus."""
        presses = [{"type": kind, "value": c} for c in text for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": presses}]})

    def log(self, kind="browser"):
        """What was logged since the last call."""
        return self.ask("POST", "/se/log", {"type": kind})

    def requests(self):
        """The URLs of all requests since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path):
        with open(path, "wb") as png:
            png.write(base64.b64decode(self.ask("GET", "/screenshot")))
