"""Load on one running server, and the time to an answer: `doorbell bench` against `doorbell dev`, each a process of its own.

usage: load.py DOORBELL RESULTS [--brief]

Writes load.jsonl and time_to_answer.jsonl: the output of `doorbell bench --json`, with the server's CPU time and memory.
"""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def main():
    doorbell, results, brief = sys.argv[1], Path(sys.argv[2]), "--brief" in sys.argv
    seconds = "1s" if brief else "10s"
    # (store, runtimes, heartbeats at once). A workspace has at most 5,000 runtimes.
    cases = [("memory", 10, 1), ("memory", 10, 32), ("memory", 1_000, 32), ("memory", 5_000, 32)]
    cases += [("embedded", 10, 1), ("embedded", 10, 32), ("embedded", 5_000, 32)]
    if brief:
        cases = [("memory", 10, 32), ("embedded", 10, 32)]
    with open(results / "load.jsonl", "w") as lines:
        for store, runtimes, concurrency in cases:
            with server(doorbell, store) as (url, pid):
                arguments = ["--runtimes", runtimes, "--concurrency", concurrency, "--duration", seconds, "--ring-rate", 0]
                summary = bench(doorbell, url, arguments)
                heartbeats = summary["operations"][0]["succeeded"]
                summary |= {"store": store, "resident_bytes": resident_bytes(pid)}
                summary["cpu_us_per_heartbeat"] = round(cpu_seconds(pid) / heartbeats * 1e6, 1)
                print(json.dumps(summary), file=lines)
    # (interval, duration). A heartbeat claims one request, so the ring rate leaves an interval between two rings of a runtime.
    cases = [("1s", "2s")] if brief else [("15s", "150s"), ("5s", "60s"), ("1s", "30s")]
    with open(results / "time_to_answer.jsonl", "w") as lines, server(doorbell, "embedded") as (url, _):
        for interval, duration in cases:
            arguments = ["--runtimes", 240, "--interval", interval, "--ring-rate", 4, "--duration", duration]
            print(json.dumps(bench(doorbell, url, arguments) | {"interval": interval}), file=lines)


def bench(doorbell, url, arguments):
    command = [doorbell, "bench", "--url", url, "--json", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout)


@contextmanager
def server(doorbell, store):
    """A `doorbell dev` on a free port: its URL and process id."""
    command = [doorbell, "dev", "--no-daemon", "--no-token-limits", "--addr", "127.0.0.1:0", "--store", store]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        yield re.search(r"http://\S+", process.stdout.readline()).group(), process.pid
    finally:
        process.terminate()
        process.wait()


def environment():
    """Without DOORBELL_… variables, which would name another server or other tokens."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DOORBELL_")}


def cpu_seconds(pid):
    # The command's name may hold spaces; utime and stime are the 12th and 13th field after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) * 1024


main()
