#!/usr/bin/python3
"""Prints each change that a primary's agent publishes: a subscriber of one's own, to begin with.

Needs Debian's python3-zmq and python3-protobuf, a key with the right `subscribe`, and the modules made
of Nestor's proto/, in the folder of this file: README.md beside it. Topics and messages are explained
in docs/protocol.md and proto/nestor/v1/envelope.proto.
"""
import argparse
import os
import signal
import sys

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
SILENCE_MS = 5000  # a heartbeat comes each second
try:
    from nestor.v1.envelope_pb2 import Envelope
except ImportError as missing:
    proto = next((path for path in (f"{HERE}/proto", os.path.normpath(f"{HERE}/../../proto"))
                  if os.path.isdir(path)), "PROTO")
    sys.exit(f"{missing}: needed are python3-protobuf and the modules made of Nestor's proto/. Make them:\n"
             f"protoc --proto_path={proto} --python_out={HERE} {proto}/nestor/v1/*.proto")


def read_key(path):
    """The key in a file that `nestorctl keygen` wrote, of either kind."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            keys = [line.strip() for line in file if len(line.strip()) == 40 and line[0] != "#"]
    except OSError as error:
        sys.exit(f"no key: {error}. nestorctl keygen NAME makes one, NAME.secret and NAME.public")
    return keys[0].encode() if keys else sys.exit(f"{path} holds no key: is it of nestorctl keygen?")


def subscribe(context, options):
    """A socket that gets the events from now on. A refused one gets none, and is not refused audibly."""
    socket = context.socket(zmq.SUB)
    socket.linger, socket.ipv6 = 0, True
    socket.curve_serverkey = read_key(options.server_key)
    socket.curve_secretkey = secret = read_key(options.key)
    socket.curve_publickey = zmq.curve_public(secret)
    for service in ("dhcp4", "dhcp6") if options.relationship else ():
        for kind in ("change", "heartbeat"):  # what is not subscribed takes no room on the connection
            socket.subscribe(f"nestor.v1.{options.relationship}.{service}.{kind}")
    if not options.relationship:
        socket.subscribe("nestor.v1.")
    socket.connect(options.endpoint)
    return socket


def show(*words):
    print("".join(c if c.isprintable() else "?" for c in " ".join(map(str, words))), flush=True)


def show_change(envelope):
    change = envelope.change
    show(envelope.time.ToJsonString(), envelope.relationship, f"change {envelope.term}/{envelope.sequence}",
         f"origin={change.origin}", f"objects={change.objects_changed}")
    for one in change.upserted:  # one.object is its JSON
        show("  set", one.kind, one.key)
    for one in change.removed:
        show("  removed", one.kind, one.key)
    if change.snapshot_reference:
        show("  too large for an event: see nestorctl history", envelope.relationship, envelope.sequence)


def follow(context, options):
    """Never returns. The agent drops what a slow reader does not take: numbers tell what was missed."""
    newest = {}  # by relationship and stream; another stream is another journal, and counts anew
    socket = subscribe(context, options)
    while True:
        if not socket.poll(SILENCE_MS):
            print(f"nothing is heard from {options.endpoint}: does the agent run, has it such a relationship, has "
                  f"the public key of {options.key} the right subscribe there? Connecting anew", file=sys.stderr)
            socket.close()
            socket = subscribe(context, options)
            continue
        topic, payload = socket.recv_multipart()
        envelope, kind = Envelope.FromString(payload), topic.decode().rsplit(".", 1)[1]
        if kind not in ("change", "heartbeat"):
            continue
        stream = (envelope.relationship, envelope.stream_id)
        if stream not in newest:
            show(envelope.time.ToJsonString(), envelope.relationship, f"is at {envelope.term}/{envelope.sequence}")
        whole = envelope.sequence - (kind == "change")  # what a listener who missed nothing has
        if whole > newest.get(stream, whole):
            show(envelope.relationship, f"missed {newest[stream] + 1} to {whole}: see nestorctl history")
        newest[stream] = max(envelope.sequence, newest.get(stream, 0))
        if kind == "change":
            show_change(envelope)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("endpoint", help="bus.events of the primary's agent, as tcp://192.0.2.1:5570")
    parser.add_argument("--key", required=True, metavar="FILE", help="one's own NAME.secret")
    parser.add_argument("--server-key", required=True, metavar="FILE", help="the agent's NAME.public")
    parser.add_argument("--relationship", metavar="NAME", help="only this one")
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    try:
        follow(zmq.Context(), parser.parse_args())
    except zmq.ZMQError as error:
        sys.exit(f"no address such as tcp://192.0.2.1:5570, or no key: {error}")
