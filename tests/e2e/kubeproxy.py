"""A proxy in front of the API server of a world, which answers by itself where a test wants it to."""

import dataclasses
import http.client
import http.server
import json
import ssl
import threading
import time
import urllib.parse

from world import folder

HANG = "hang"  # accept the request, never answer
LOSE = "lose"  # pass it on, close the connection without its answer
_PASSED = ("Content-Type", "Authorization", "Accept", "User-Agent")


@dataclasses.dataclass
class Request:
    when: float
    method: str
    path: str
    status: int = 0


def kubeconfig(name, server, user, ca=None):
    """Writes a kubeconfig; returns its path."""
    path = f"{folder}/{name}.kubeconfig"
    cluster = {"server": server, **({"certificate-authority": ca} if ca else {})}
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "here",
                   "clusters": [{"name": "here", "cluster": cluster}],
                   "users": [{"name": "me", "user": user}],
                   "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}]}, f)
    return path


def refusal(status, body=None, **headers):
    """An answer: text as it is, None a Status object as the API server writes it."""
    if body is None:
        body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
                           "message": f"refused with {status} for the test"})
        headers.setdefault("Content_Type", "application/json")
    return status, {k.replace("_", "-"): v for k, v in headers.items()}, body


class KubeProxy:
    """`fault(method, path)` says what to do with each request: None passes it on, else HANG, LOSE, a
    refusal(), or a threading.Event: it is passed on when that is set. `requests` has all that were
    made; status 0: not answered, or not yet."""

    def __init__(self, world):
        self.fault = None
        self.requests = []
        self.world = world
        self.api = urllib.parse.urlparse(world.vars["KUBE_API"])
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that is killed breaks its connections
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def since(self, when, path="/scale"):
        return [r for r in self.requests if r.when >= when and r.path.split("?")[0].endswith(path)]

    def _pass_on(self, handler, body):
        connection = http.client.HTTPSConnection(
            self.api.hostname, self.api.port, timeout=10,
            context=ssl.create_default_context(cafile=self.world.vars["HEXLAG_WORLD_CA"]))
        try:
            connection.request(handler.command, handler.path, body,
                               {k: handler.headers[k] for k in _PASSED if k in handler.headers})
            response = connection.getresponse()
            return (response.status, {"Content-Type": response.headers["Content-Type"]},
                    response.read().decode())
        except OSError as error:
            return refusal(502, str(error))
        finally:
            connection.close()

    def _answer(self, handler, body):
        """What to send; None: nothing."""
        what = self.fault and self.fault(handler.command, handler.path)
        if what == HANG:
            threading.Event().wait(10)
            return None
        if what == LOSE:
            self._pass_on(handler, body)
            return None
        if isinstance(what, threading.Event):
            what.wait(120)
            what = None
        return what or self._pass_on(handler, body)

    def _handler(proxy):  # self is that of the handler below
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self):
                request = Request(time.time(), self.command, self.path)
                proxy.requests.append(request)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = proxy._answer(self, body or None)
                if not answer:
                    self.close_connection = True
                    return
                request.status = answer[0]
                try:
                    self._send(*answer)
                except OSError:
                    self.close_connection = True  # nobody waits for it any more

            def _send(self, status, headers, text):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = do_POST = do_PATCH = _do

            def log_message(self, *_):
                pass
        return Handler
