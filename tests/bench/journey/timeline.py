"""When a change passed where, from the logs of the agents and of Kea."""
import calendar
import dataclasses
import re
import time

_KEA_COMMAND = re.compile(
    r"^(\S+ \S+) INFO .*COMMAND_RECEIVED Received command '(config-[a-z]+|list-commands)'", re.M)
_AGENT_LINE = r"^(\S+)Z info {id} .*$"


@dataclasses.dataclass
class Journey:
    """Seconds. `noticing`: until the primary's agent asks for the configuration."""
    whole: float
    noticing: float
    steps: list  # (what, seconds until the next)

    @property
    def noticed(self):
        return self.whole - self.noticing


def _seconds(text, separator):
    """A log's time as the wall clock's seconds. Kea logs in local time, the agents in UTC."""
    moment, _, fraction = text.partition(".")
    parsed = time.strptime(moment, f"%Y-%m-%d{separator}%H:%M:%S")
    whole = time.mktime(parsed) if separator == " " else calendar.timegm(parsed)
    return whole + float("0." + (fraction or "0"))


class Reading:
    """How long the logs are now; later, what they say since."""

    def __init__(self, pair):
        self._logs = {("kea", host): pair.kea(host).log for host in "ab"}
        self._logs["agent", "a"] = pair.primary.process.log
        self._logs["agent", "b"] = pair.secondary.process.log
        self._begins = {name: self._length(log) for name, log in self._logs.items()}
        self._counts = {host: len(self._commands(host, 0)) for host in "ab"}

    @staticmethod
    def _length(log):
        with open(log, "rb") as file:
            return file.seek(0, 2)

    def _since(self, name, begin=None):
        with open(self._logs[name], "rb") as file:
            file.seek(self._begins[name] if begin is None else begin)
            return file.read().decode("utf-8", "replace")

    def _commands(self, host, begin=None):
        """(when, what) of the commands about the configuration that Kea received."""
        return [(_seconds(when, " "), what)
                for when, what in _KEA_COMMAND.findall(self._since(("kea", host), begin))]

    def _agent(self, host, log_id):
        match = re.search(_AGENT_LINE.format(id=log_id), self._since(("agent", host)), re.M)
        return _seconds(match.group(1), "T") if match else None

    def busier(self, later):
        """Whether a Kea was asked more by the time of `later`."""
        return self._counts != later._counts

    def journey(self, shown):
        """The Journey of the change that the primary's Kea shows since `shown`; None: on its way."""
        applied = self._agent("b", "APPLIED")
        if applied is None:
            return None
        asked = [when for when, what in self._commands("a") if what == "config-get"]
        marks = [(asked[0], "primary config-get, compare, journal")]
        marks.append((self._agent("a", "CHANGE_PUBLISHED"), "publish"))
        marks.append((self._agent("b", "APPLY_STARTED"), "order"))
        marks += [(when, f"secondary {what}") for when, what in self._commands("b")
                  if asked[0] <= when <= applied]
        marks.sort(key=lambda mark: mark[0])
        ends = [when for when, _ in marks[1:]] + [applied]
        steps = [(what, end - when) for (when, what), end in zip(marks, ends)]
        return Journey(applied - shown, max(0.0, asked[0] - shown), steps)
