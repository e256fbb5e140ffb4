"""Cold starts of the deployed functions, compared with an empty function, timed by hyperfine.

usage: cold_start.py LAMBDA_HOST RESULTS [--brief]

Each start has its own process, table and TLS connection. hyperfine times whole processes: without an event (init and exit), with
one and with several. The differences are the first call and the warm calls. Every call must succeed. Writes cold_start.jsonl.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ["authorizer", "heartbeat", "initiate", "poll", "report", "register", "deregister", "runtimes"]
WARM_CALLS = 10

# Variables that Lambda and the template set (AWS, "Working with Lambda environment variables"); the keys are AWS's example.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "example",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
    "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
    "AWS_LAMBDA_LOG_LEVEL": "INFO",
    "DOORBELL_STACK": "bench",
    "DOORBELL_TABLE": "doorbell",
}


def main():
    host_binary, results, brief = sys.argv[1], Path(sys.argv[2]), "--brief" in sys.argv
    rounds, runs = (1, 1) if brief else (6, 5)
    binaries = {"empty": ROOT / "target/lambda/empty/bootstrap"}
    binaries |= {name: ROOT / f".aws-sam/build/{name.capitalize()}Function/bootstrap" for name in FUNCTIONS}
    for binary in binaries.values():
        if not binary.exists():
            sys.exit(f"{binary} is missing: run localstack/build.sh")
    with tempfile.TemporaryDirectory() as folder:
        host = subprocess.Popen([host_binary, folder], stdout=subprocess.PIPE, cwd=ROOT)
        try:
            addresses = json.loads(host.stdout.readline())
            environment = ENVIRONMENT | {
                "AWS_LAMBDA_RUNTIME_API": addresses["runtime_api"],
                "DOORBELL_DYNAMODB_ENDPOINT": addresses["dynamodb"],
                "AWS_CA_BUNDLE": addresses["bundle"],
            }
            url = f"http://{addresses['runtime_api']}"
            times = hyperfine(binaries, url, environment, rounds, runs)
            peaks = {name: peak_bytes(name, binaries[name], url, environment, runs) for name in binaries}
        finally:
            host.kill()
            host.wait()
    with open(results / "cold_start.jsonl", "w") as lines:
        for name, binary in binaries.items():
            init, once, warm = (times[name, calls] for calls in (0, 1, 1 + WARM_CALLS))
            median = statistics.median
            line = {
                "function": name,
                "init_ms": [round(quantile(init, q), 2) for q in (0.1, 0.5, 0.9)],
                "init_ratio": round(median(init) / median(times["empty", 0]), 2),
                "first_call_ms": round(median(once) - median(init), 2),
                "warm_ms": round((median(warm) - median(once)) / WARM_CALLS, 2),
                "peak_bytes": peaks[name],
                "binary_bytes": binary.stat().st_size,
            }
            print(json.dumps(line), file=lines)


def hyperfine(binaries, url, environment, rounds, runs):
    """Milliseconds of each start, by function and number of calls. In rounds, so that a slow minute affects all functions."""
    cases = [(name, calls) for name in binaries for calls in (0, 1, 1 + WARM_CALLS)]
    times = {case: [] for case in cases}
    with tempfile.NamedTemporaryFile() as export:
        command = ["hyperfine", "--shell=none", "--ignore-failure", "--style=none", f"--runs={runs}"]
        command += ["--export-json", export.name, "--cleanup", f"curl -sf {url}/outcome"]
        for name, calls in cases:
            command += ["--prepare", f"curl -sf {url}/prepare/{name}/{calls}/exit"]
        command += [str(binaries[name]) for name, _ in cases]
        for _ in range(rounds):
            run = subprocess.run(command, env=environment, capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"{run.stderr}\n{read(url + '/outcome')}")
            exported = json.loads(Path(export.name).read_text())["results"]
            for case, result in zip(cases, exported, strict=True):
                times[case] += [seconds * 1e3 for seconds in result["times"]]
    return times


def peak_bytes(name, binary, url, environment, runs):
    """The median of the peak resident size after one call."""
    peaks = []
    for _ in range(runs):
        read(f"{url}/prepare/{name}/1/hold")
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while read(f"{url}/outcome") is None:
                if time.monotonic() > deadline:
                    sys.exit(f"{name} did not ask for a second event within 10 s")
                time.sleep(0.01)
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.kill()
            process.wait()
        peaks.append(int(status.split("VmHWM:")[1].split()[0]) * 1024)
    return statistics.median_low(peaks)


def read(url):
    """The body, or None while the calls are in progress."""
    try:
        with urllib.request.urlopen(url) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return None
        sys.exit(f"{url}: {error.read().decode()}")


def quantile(samples, q):
    return sorted(samples)[min(int(len(samples) * q), len(samples) - 1)]


main()
