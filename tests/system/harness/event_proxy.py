"""Stands between an unencrypted primary and its secondary and loses, repeats or delays events."""
import threading

import zmq

from .schema import envelope_pb2


class EventProxy:
    """Subscribes to `upstream` and publishes at `downstream`.

    `decide`, settable at any time, is called with each Envelope and answers how often it is passed
    on: 0 loses it. It runs on the proxy's thread.
    """

    def __init__(self, upstream, downstream):
        self.decide = lambda envelope: 1
        self.lost = []
        self._context = zmq.Context()
        self._in = self._context.socket(zmq.SUB)
        self._in.setsockopt(zmq.SUBSCRIBE, b"")
        self._in.setsockopt(zmq.LINGER, 0)
        self._in.connect(upstream)
        self._out = self._context.socket(zmq.PUB)
        self._out.setsockopt(zmq.LINGER, 0)
        self._out.bind(downstream)
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def lose_changes(self, which):
        """Loses the change events whose sequence is in `which` (a container)."""
        self.decide = lambda envelope: 0 if (
            envelope.WhichOneof("body") == "change" and envelope.sequence in which) else 1

    def lose_everything(self):
        self.decide = lambda envelope: 0

    def pass_everything(self):
        self.decide = lambda envelope: 1

    def _run(self):
        while not self._ends:
            if not self._in.poll(50):
                continue
            frames = self._in.recv_multipart()
            envelope = envelope_pb2.Envelope.FromString(frames[1])
            times = self.decide(envelope)
            if times == 0:
                self.lost.append((envelope.WhichOneof("body"), envelope.sequence))
            for _ in range(times):
                self._out.send_multipart(frames)

    def close(self):
        self._ends = True
        self._thread.join()
        self._in.close()
        self._out.close()
        self._context.term()
