"""A peer on the bus that is none of ours: with a key, with a strange key, or with none."""
import time

import zmq

from . import network
from .schema import MAGIC, OPERATOR_MAGIC, envelope_pb2, operator_pb2


def read_key(path):
    """The Z85 line of a key file."""
    with open(path, encoding="ascii") as file:
        for line in file:
            line = line.strip()
            if len(line) == 40 and not line.startswith("#"):
                return line.encode()
    raise AssertionError(f"{path} holds no key")


class BusPeer:
    """DEALER to `control` and SUB to `events`, from within `netns`; every topic subscribed.

    secret, public: its own key files; None: a key made up on the spot. server: the primary's
    public key file.
    """

    def __init__(self, netns, control, events, server, secret=None, public=None, identity=None):
        if secret:
            keys = (read_key(public), read_key(secret))
        else:
            keys = zmq.curve_keypair()
        with network.inside(netns):  # the context's own threads are made with its first socket
            self._context = zmq.Context()
            self.dealer = self._socket(zmq.DEALER, control, server, keys, identity)
            self.subscriber = self._socket(zmq.SUB, events, server, keys, None)
        self._next = 0
        self.arrived = 0.0  # the last event, by time.perf_counter()

    def _socket(self, kind, endpoint, server, keys, identity):
        made = self._context.socket(kind)
        made.setsockopt(zmq.LINGER, 0)
        made.curve_serverkey = read_key(server)
        made.curve_publickey, made.curve_secretkey = keys
        if identity:
            made.setsockopt(zmq.IDENTITY, identity)
        if kind == zmq.SUB:
            made.setsockopt(zmq.SUBSCRIBE, b"")
        made.connect(endpoint)
        return made

    def envelope(self, relationship, **fields):
        """An envelope from this peer; `fields` are further fields of it."""
        self._next += 1
        made = envelope_pb2.Envelope(magic=MAGIC, version_major=1, relationship=relationship,
                                     service=envelope_pb2.DHCP4, sender="kea-b",
                                     message_id=self._next, **fields)
        made.time.GetCurrentTime()
        return made

    def request(self, **verb):
        """An operator's request; the keyword names the verb."""
        self._next += 1
        return operator_pb2.OperatorRequest(magic=OPERATOR_MAGIC, request_id=self._next,
                                            operator_name="mallory", **verb)

    def send(self, message):
        self.dealer.send(message.SerializeToString())

    def receive(self, timeout_s):
        """The next control message's bytes; None: none came."""
        return self.dealer.recv() if self.dealer.poll(timeout_s * 1000) else None

    def event(self, timeout_s):
        """The next event as (topic, Envelope); None: none came."""
        if not self.subscriber.poll(timeout_s * 1000):
            return None
        topic, payload = self.subscriber.recv_multipart()
        self.arrived = time.perf_counter()
        return topic.decode(), envelope_pb2.Envelope.FromString(payload)

    def close(self):
        self.dealer.close()
        self.subscriber.close()
        self._context.term()
