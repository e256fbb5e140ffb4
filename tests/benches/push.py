"""Time to an answer of a real daemon: with push, and with heartbeats every second and every 15 seconds, one after the other.

usage: push.py DOORBELL RESULTS [--brief]

Each case is a `doorbell dev` and a `doorbell daemon` with 25 agents that answer at once, each a process of its own. Rings are spread over the
time and the runtimes; each waits for its answer with `?wait=`. `doorbell why` shows when the request was claimed.

Writes push.jsonl: a line for each case, in milliseconds.
"""

import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

RUNTIMES = 25
# Rings of one runtime are limited to one a second, and a daemon answers hints of one runtime once a second.
RINGS_A_SECOND = 10
USER = "dbu_dev_a"
# Each ring is a thread that mostly waits; a heartbeat of 15 s leaves up to 150 open.
THREADS = 200


def main():
    doorbell, results, brief = sys.argv[1], Path(sys.argv[2]), "--brief" in sys.argv
    cases = [("push", []), ("heartbeats every 1 s", ["--no-push", "--interval", "1s"]), ("heartbeats every 15 s", ["--no-push"])]
    rings = 500
    if brief:
        cases, rings = cases[:2], 50
    with open(results / "push.jsonl", "w") as lines:
        for name, options in cases:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps({"case": name} | measured(doorbell, Path(folder), options, rings)), file=lines)


def measured(doorbell, folder, options, rings):
    data = folder / "doorbell.db"
    dev = [doorbell, "dev", "--no-daemon", "--no-token-limits", "--addr", "127.0.0.1:0", "--data", data]
    with process(dev) as server:
        url = re.search(r"http://\S+", server.stdout.readline()).group()
        daemon = [doorbell, "daemon", "--url", url, "--config", agents(folder), *options]
        with process(daemon) as client:
            threading.Thread(target=client.stdout.read, daemon=True).start()
            runtimes = online(url, with_push="--no-push" not in options)
            begun = time.monotonic() + 1
            with ThreadPoolExecutor(THREADS) as pool:
                answered = list(pool.map(lambda number: ring(url, runtimes, number, begun), range(rings)))
            with ThreadPoolExecutor(4) as pool:
                claimed = list(pool.map(lambda answer: claim(doorbell, data, answer[0]), answered))
    failed = sum(record["status"] != "completed" for record, _ in answered)
    return {"rings": rings, "failed": failed, "ring_to_claim": summary(claimed), "ring_to_models": summary([ms for _, ms in answered])}


def agents(folder):
    (folder / "models.json").write_text('[{"id": "small", "label": "Small"}]')
    agent = '[[agent]]\ntype = "file"\nname = "Agent {0}"\nprofile = "{0}"\npath = "models.json"\n'
    config = folder / "agents.toml"
    config.write_text("detect = false\n" + "".join(agent.format(number) for number in range(RUNTIMES)))
    return config


def online(url, with_push):
    """The runtimes, once all are online. With push, once the channel is proven: a heartbeat after the registration."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        runtimes = call(url, "GET", "/api/runtimes")
        seen = [record for record in runtimes if record["status"] == "online" and record["last_seen_at"] != record["created_at"]]
        if len(seen) == RUNTIMES or (len(runtimes) == RUNTIMES and not with_push):
            time.sleep(2)
            return [record["id"] for record in runtimes]
        time.sleep(0.2)
    sys.exit("the runtimes did not come online")


def ring(url, runtimes, number, begun):
    # At a random moment of the ring's own share of the time.
    time.sleep(max(0, begun + (number + random.random()) / RINGS_A_SECOND - time.monotonic()))
    started = time.monotonic()
    path = f"/api/runtimes/{runtimes[number % len(runtimes)]}/models"
    record = call(url, "POST", path + "?refresh=true&wait=25")
    while record["status"] in ("pending", "running"):
        record = call(url, "GET", f"{path}/{record['id']}?wait=25")
    return record, (time.monotonic() - started) * 1e3


def claim(doorbell, data, record):
    """Milliseconds from the ring to its first claim, both by the server's clock."""
    command = [doorbell, "why", record["id"], "--runtime", record["runtime_id"], "--store", "embedded", "--data", data, "--json"]
    why = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout)
    parsed = [datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (why["created_at"], why["deliveries"][0]["at"])]
    return (parsed[1] - parsed[0]).total_seconds() * 1e3


def call(url, method, path):
    request = urllib.request.Request(url + path, method=method, headers={"Authorization": f"Bearer {USER}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def summary(values):
    ordered = sorted(values)
    at = lambda share: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
    return {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": round(ordered[-1], 1)}


@contextmanager
def process(command):
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def environment():
    """Without DOORBELL_… variables, which would name another server or other tokens."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DOORBELL_")}


main()
