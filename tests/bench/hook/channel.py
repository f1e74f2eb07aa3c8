"""Kea's control socket, timed. Requests are made beforehand and answers not looked into meanwhile."""
import json
import socket
import time


def request(command, arguments=None):
    whole = {"command": command}
    if arguments is not None:
        whole["arguments"] = arguments
    return json.dumps(whole).encode()


VERSION_GET = request("version-get")


def apply_request(upserted=(), removed=()):
    """nestor-apply of [(kind, key, object)...] and [(kind, key)...]."""
    return request("nestor-apply", {
        "upserted": [{"kind": kind, "key": key, "object": value} for kind, key, value in upserted],
        "removed": [{"kind": kind, "key": key} for kind, key in removed]})


def seconds(kea, asked, timeout_s=180):
    """From the connection to the whole of Kea's answer. AssertionError where Kea refuses."""
    began = time.perf_counter()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(timeout_s)
        channel.connect(kea.socket)
        channel.sendall(asked)
        pieces = []
        while piece := channel.recv(1 << 20):
            pieces.append(piece)
    took = time.perf_counter() - began
    answer = b"".join(pieces)
    assert b'"result": 0' in answer[:100] + answer[-400:], answer[-400:]
    return took
