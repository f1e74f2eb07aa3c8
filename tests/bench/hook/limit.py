"""The least that a change from one server to the other can cost: the parts of it, each bare."""
import os
import sqlite3
import time

import zmq

from . import channel

_BYTES = b"b" * 1024


class Limit:
    """One version-get on each of `keas`, one commit in `folder`, one message of a PUB, with keys."""

    def __init__(self, keas, folder):
        self._keas = keas
        self._table = sqlite3.connect(os.path.join(folder, "bare.db"), isolation_level=None)
        for statement in ("PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL",
                          "PRAGMA synchronous = FULL", "CREATE TABLE bare(data BLOB)"):
            self._table.execute(statement)
        self._context = zmq.Context()
        public, secret = zmq.curve_keypair()
        self._publisher = self._context.socket(zmq.PUB)
        self._publisher.curve_server = True
        self._publisher.curve_secretkey = secret
        port = self._publisher.bind_to_random_port("tcp://127.0.0.1")
        self._subscriber = self._context.socket(zmq.SUB)
        self._subscriber.curve_serverkey = public
        self._subscriber.curve_publickey, self._subscriber.curve_secretkey = zmq.curve_keypair()
        self._subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        self._subscriber.connect(f"tcp://127.0.0.1:{port}")
        while not self._subscriber.poll(100):
            self._publisher.send(b"")
        while self._subscriber.poll(100):
            self._subscriber.recv()

    def seconds(self):
        """(of the round trips, of the commit, of the message's way)."""
        asked = sum(channel.seconds(kea, channel.VERSION_GET) for kea in self._keas)
        began = time.perf_counter()
        self._table.execute("INSERT INTO bare VALUES(?)", (_BYTES,))
        committed = time.perf_counter()
        self._publisher.send(_BYTES)
        self._subscriber.recv()
        return asked, committed - began, time.perf_counter() - committed

    def close(self):
        self._table.close()
        self._context.destroy(linger=0)
