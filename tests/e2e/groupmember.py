"""A member of a classic group that joins and then says nothing, so that a rebalance stands still."""

import socket
import struct

from world import Failure

_JOIN_GROUP, _VERSION = 11, 2  # the lowest version that Kafka 4 takes
_PATIENCE_MS = 120000          # of the session and of the rebalance


def _string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _bytes(data):
    return struct.pack(">i", len(data)) + data


class Member:
    """Sends JoinGroup when made. Alone in its group it is answered at once and leads it: until it
    sends what it never will, the group is CompletingRebalance. With a member that does not rejoin
    it waits for an answer, and the group is PreparingRebalance."""

    def __init__(self, bootstrap, group, topic):
        host, port = bootstrap.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        subscription = struct.pack(">hi", 0, 1) + _string(topic) + _bytes(b"")
        body = (_string(group) + struct.pack(">ii", _PATIENCE_MS, _PATIENCE_MS) + _string("") +
                _string("consumer") + struct.pack(">i", 1) + _string("range") +
                _bytes(subscription))
        self.socket.sendall(_bytes(struct.pack(">hhi", _JOIN_GROUP, _VERSION, 1) +
                                   _string("member") + body))

    def await_answer(self):
        answer = b""
        while len(answer) < 14:
            more = self.socket.recv(4096)
            if not more:
                raise Failure("the broker closed the connection of JoinGroup")
            answer += more
        error = struct.unpack(">h", answer[12:14])[0]  # after length, correlation, throttle
        if error:
            raise Failure(f"JoinGroup: error {error}")
        return self

    def close(self):
        self.socket.close()
