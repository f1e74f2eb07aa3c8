"""Stands between an agent and its Kea's control socket and misbehaves as a Kea might."""
import json
import os
import select
import socket
import threading


class KeaProxy:
    """Listens at `path` and passes commands to the Kea at `target`.

    `rule`, settable at any time, is called with each command's name and answers what is done:
      "pass"     the command is passed on and answered
      "half"     the command is passed on; half of the answer comes back, then the end
      "silent"   the command is passed on; no answer comes back, the connection stays open
      "lost"     the command is not passed on; no answer comes back, the connection stays open
      "closed"   the command is not passed on; the connection is closed
      a callable the command is passed on as it says: it gets the request as bytes, and a function
                 that passes them on, and returns the bytes to answer
    """

    def __init__(self, path, target):
        self.rule = lambda command: "pass"
        self.seen = []
        self._target = target
        self._path = path
        self._open = []
        self._ends = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def misbehave(self, how, *commands):
        """`how` for these commands (all, where none is named), "pass" for others."""
        self.rule = lambda command: how if not commands or command in commands else "pass"

    def alter(self, command, change):
        """change(answer), a Python value, is what this command is answered with; None: as it was."""
        def altered(request, pass_on):
            answer = json.loads(pass_on(request))
            return json.dumps(change(answer) or answer).encode()
        self.rule = lambda its: altered if its == command else "pass"

    def before(self, command, number, act):
        """act() runs once, when this command comes for the `number`th time from now on and before
        it is passed on."""
        counted = self.count(command)

        def rule(its):
            if its == command and self.count(command) == counted + number:
                act()
            return "pass"
        self.rule = rule

    def behave(self):
        self.rule = lambda command: "pass"
        # What was left open in silence ends now.
        while self._open:
            self._open.pop().close()

    def count(self, command):
        return self.seen.count(command)

    def _accept(self):
        while not self._ends:
            try:
                if not select.select([self._listener], [], [], 0.1)[0]:
                    continue
                connection, _ = self._listener.accept()
            except (OSError, ValueError):  # closed meanwhile
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            request = self._read_request(connection)
            if request is None:
                connection.close()
                return
            command = json.loads(request)["command"]
            self.seen.append(command)
            self._follow(self.rule(command), connection, request)
        except OSError:
            connection.close()

    def _follow(self, rule, connection, request):
        if rule == "closed":
            connection.close()
            return
        if callable(rule):
            connection.sendall(rule(request, self._pass_on))
            connection.close()
            return
        answer = b"" if rule == "lost" else self._pass_on(request)
        if rule == "pass":
            connection.sendall(answer)
            connection.close()
        elif rule == "half":
            connection.sendall(answer[:len(answer) // 2])
            connection.close()
        else:
            self._open.append(connection)

    @staticmethod
    def _read_request(connection):
        """The bytes of one JSON value; None where the other end left before."""
        text = b""
        while True:
            piece = connection.recv(1 << 20)
            if not piece:
                return None
            text += piece
            try:
                json.loads(text)
                return text
            except ValueError:
                continue

    def _pass_on(self, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(300)
            channel.connect(self._target)
            channel.sendall(request)
            pieces = []
            while piece := channel.recv(1 << 20):
                pieces.append(piece)
        return b"".join(pieces)

    def close(self):
        self._ends = True
        self.behave()
        self._listener.close()
        if os.path.exists(self._path):
            os.remove(self._path)
