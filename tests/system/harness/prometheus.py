"""Debian's Prometheus in a namespace, with deploy/monitoring as it is shipped but for addresses and intervals."""
import contextlib
import http.client
import json
import os
import shutil
import socket
import urllib.parse

from . import network, processes, requirements
from .waiting import wait_until

MONITORING = os.path.join(requirements.ROOT, "deploy/monitoring")
_PORT = 9090


def promtool(*arguments):
    """What promtool printed; AssertionError where it has something against it."""
    _, out, err = processes.run(["promtool", *arguments])
    return out + err


def adapted(addresses):
    """The text of prometheus.yml, each address of `addresses` (shipped: ours) replaced, scraping each second."""
    with open(f"{MONITORING}/prometheus.yml", encoding="utf-8") as file:
        text = file.read()
    for shipped, ours in {**addresses, "interval: 15s": "interval: 1s"}.items():
        assert shipped in text, f"{shipped} is not in prometheus.yml"
        text = text.replace(shipped, ours)
    return text


class Prometheus:
    """Scrapes `addresses`, as for adapted(), from `netns`. Its files are in `folder`."""

    def __init__(self, folder, netns, addresses):
        os.mkdir(folder)
        self._netns = netns
        self.config = f"{folder}/prometheus.yml"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(adapted(addresses))
        shutil.copy(f"{MONITORING}/nestor.rules.yml", folder)
        self.process = processes.Process(
            "prometheus", ["prometheus", f"--config.file={self.config}", f"--storage.tsdb.path={folder}/data",
                           f"--web.listen-address=127.0.0.1:{_PORT}", "--log.level=warn"],
            f"{folder}/prometheus.log", netns)

    def start(self):
        self.process.start()
        wait_until(lambda: self._ready() or not self.process.alive(), 20,
                   lambda: f"Prometheus is ready\n{self.process.tail()}")
        assert self.process.alive(), self.process.tail()
        return self

    def close(self):
        self.process.end()

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", _PORT, timeout=10)
        with network.inside(self._netns):
            connection.sock = socket.create_connection(("127.0.0.1", _PORT), 10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def _ready(self):
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _api(self, path, **parameters):
        code, text = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(text)
        assert code == 200 and answer["status"] == "success", f"{path} {parameters}: {text}"
        return answer["data"]

    def query(self, expression):
        """The labels of each series that the expression finds now."""
        return [found["metric"] for found in self._api("query", query=expression)["result"]]

    def label_values(self, label, of):
        """The values of `label` in the series `of`."""
        return self._api(f"label/{label}/values", **{"match[]": of})

    def targets_up(self):
        return [target["health"] for target in self._api("targets")["activeTargets"]].count("up")

    def rules(self):
        """All rules, as Prometheus has them."""
        return [rule for group in self._api("rules")["groups"] for rule in group["rules"]]

    def raised(self):
        """{alert: [labels of each series that its expression finds now]}; without those that find none."""
        found = {rule["name"]: self.query(rule["query"]) for rule in self.rules()}
        return {name: labels for name, labels in found.items() if labels}
