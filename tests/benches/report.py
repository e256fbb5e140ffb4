"""Prints BENCHMARKS.md from the results of the benches.

usage: report.py RESULTS
"""

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

RESULTS = Path(sys.argv[1])
NAMES = {"initiate_cached": "initiate, from the catalog", "heartbeat_idle": "heartbeat, idle", "heartbeat_work": "heartbeat with work", "poll_result": "poll of the result"}


def main():
    print(
        f"""# Benchmarks

Made by `tests/benches/run.sh` on {datetime.date.today()}: {machine()}. Edit the benches, not this file.
Times are medians unless a column says otherwise. Counted numbers are the same on every machine.

{time_to_answer()}
{counted_cost()}
{bill()}
{cold_start()}
{warm_calls()}
{load()}""",
        end="",
    )


def time_to_answer():
    rows = []
    for line in lines("time_to_answer"):
        claim, answer = operation(line, "ring to claim"), operation(line, "ring to answer")
        seconds = [f"{row[key] / 1e3:.2f}" for row, key in [(claim, "p50_ms"), *((answer, key) for key in ("p50_ms", "p90_ms", "p99_ms", "max_ms"))]]
        rows.append([f"every {line['interval']}", answer["succeeded"], *seconds])
    columns = ["heartbeats", "answered rings", "ring to claim, p50 (s)", "ring to answer, p50 (s)", "p90", "p99", "max"]
    return f"""## Time to answer

From a ring to the models, in real time: `doorbell bench` with 240 runtimes against `doorbell dev`, over HTTP on loopback. Heartbeats
are spread evenly; the client polls every 500 ms; the agent answers at once. The rest of the time is the wait for a heartbeat.

{table(columns, rows)}

The same with a real daemon of 25 runtimes, 10 rings a second, and clients that wait with `?wait=`. Milliseconds.

{push()}
"""


def push():
    rows = []
    for line in lines("push"):
        claim, models = line["ring_to_claim"], line["ring_to_models"]
        rows.append([line["case"], line["rings"], *(f"{claim[key]:,.1f}" for key in ("p50", "p99")), *(f"{models[key]:,.1f}" for key in ("p50", "p99", "max"))])
    return table(["daemon", "rings", "ring to claim, p50", "p99", "ring to models, p50", "p99", "max"], rows)


def counted_cost():
    lifecycles = [line for line in lines("counted_cost") if line["result"] == "lifecycle"]
    usual = [line for line in lifecycles if (line["varied"], line["value"]) == ("models", 20)]
    rows = [
        [name(line), ", ".join(line["calls"]), *(f"{line[key]:,g}" for key in ("write_units", "read_units"))]
        + [f"{line[key]:,}" for key in ("sent_bytes", "received_bytes")]
        for line in usual
    ]
    operations = table(["operation", "DynamoDB calls", "write units", "read units", "bytes sent", "bytes received"], rows)
    contention = [line for line in lines("counted_cost") if line["result"] == "concurrent_heartbeats"]
    wasted = [[line["heartbeats"], line["rounds"], line["wasted_calls_p50"], line["wasted_calls_max"]] for line in contention]
    return f"""## Counted cost

Every operation runs through the real function and the real SDK on an embedded DynamoDB that counts. A report has 20 models.

{operations}

Operations whose cost changes when one thing is varied, as calls / write units / read units. The others stay the same.

{flatness(lifecycles)}

Concurrent heartbeats of one runtime with one pending request; one of them claims it in every round. The claims of
the others are wasted.

{table(["heartbeats at once", "rounds", "wasted calls, p50", "max"], wasted)}

{joined_rings()}
"""


def joined_rings():
    rows = []
    for line in (line for line in lines("counted_cost") if line["result"] == "joined_rings"):
        daemon = "answers in milliseconds" if line["has_daemon"] else "none"
        counts = [distribution(line[key], line["runs"]) for key in ("answered", "limited", "cached", "requests", "discoveries")]
        rows.append([daemon, "`?refresh=true`" if line["refresh"] else "ordinary", line["runs"], *counts])
    columns = ["daemon", "rings", "runs", "answered", "429", "from the catalog", "requests made", "discoveries"]
    return f"""### Joined rings

100 clients ring a runtime without a snapshot within 5 ms, each on an instance of its own; a DynamoDB call takes 2 to 9 ms. With a daemon
that answers in milliseconds, a ring may come after the answer to an earlier one. A column has the number of each run, or how
often each was seen. A discovery is a request that a daemon collects.

{table(columns, rows)}"""


def distribution(pairs, runs):
    if len(pairs) > 6:
        numbers = [value for value, count in pairs for _ in range(count)]
        return f"{numbers[0]} to {numbers[-1]}, median {numbers[runs // 2]}"
    return ", ".join(f"{value}" if count == runs else f"{value} ({count}×)" for value, count in pairs)


def flatness(lifecycles):
    rows = []
    for varied in dict.fromkeys(line["varied"] for line in lifecycles):
        of_varied = [line for line in lifecycles if line["varied"] == varied]
        values = list(dict.fromkeys(line["value"] for line in of_varied))
        word = varied.replace("_", " ")
        changed = 0
        for kind in dict.fromkeys(line["operation"] for line in of_varied):
            cells = [f"{len(line['calls'])} / {line['write_units']:g} / {line['read_units']:g}" for line in of_varied if line["operation"] == kind]
            if len(set(cells)) > 1:
                changed += 1
                rows.append([word, name({"operation": kind}), ", ".join(f"{value:,}: {cell}" for value, cell in zip(values, cells, strict=True))])
        if not changed:
            rows.append([word, "none", " to ".join(f"{value:,}" for value in (values[0], values[-1]))])
    return table(["varied", "changes", "by value"], rows)


def bill():
    found = json.loads((RESULTS / "bill.json").read_text())
    parts = [[part["line"], *(f"{dollars:.4f}" for dollars in part["dollars"])] for part in found["lines"]]
    parts.append(["together", *(f"{dollars:.4f}" for dollars in found["totals"])])
    columns = ["line", "a runtime's month ($)", "with push", "a thousand questions ($)", "with push"]
    causes = ["connection", "reconnects", "heartbeats", "questions", "together"]
    plans = [[*plan_name(plan), *(f"{plan[cause]:.4f}" for cause in causes)] for plan in found["plans"]]
    unconfirmed = [[row["of"], f"{row['value']:,g}", f"{row['dollars']:.5f}"] for row in found["unconfirmed"]]
    return f"""## The bill

Counted units and measured times at AWS's prices for {found["region"]} in {found["currency"]}, read on {found["read"]}:
[prices.toml](tests/benches/prices.toml) has each price with its source, and every assumption. Heartbeats come every 15 s, with push
every 6 h. A daemon has one runtime.

{table(columns, parts)}

The month of a runtime in dollars, with two questions a day. The calls of push are those of its design, not counted ones. Reconnects
have their authorizer, lifecycle event, function `presence` and two heartbeats; questions have their hints.

{table(["heartbeats", "push", "runtimes a daemon", *causes], plans)}

No source confirms these assumptions about push. Without one of them, the month of a runtime with heartbeats every 6 h costs less:

{table(["unconfirmed", "assumed", "less ($)"], unconfirmed)}

Compared with two designs of at least two containers (0.25 vCPU) with a Redis pair behind a load balancer. **Heartbeats**: containers of
0.5 GB that answer a heartbeat of each daemon every 15 s. **Sockets**: containers of the cheapest size that hold a WebSocket of each
daemon, with pings every 30 s, and one to spare. Containers leave out questions, logs, alarms and operation; Doorbell includes two
questions a day, logs, alarms and a dashboard. **Containers are cheaper from a scale on**: a server costs the same until it is full.

{table(["heartbeats", "push", "runtimes a daemon", "heartbeats cheaper from", "sockets cheaper from"], cheaper(found["plans"]))}

Dollars a month:

{deployments(found["plans"])}
"""


def plan_name(plan):
    seconds = plan["heartbeat_s"]
    interval = f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"
    return [f"every {interval}", "yes" if plan["pushed"] else "no", f"{plan['runtimes_a_daemon']:g}"]


def cheaper(plans):
    scales = [[plan["containers_cheaper_from"], plan["sockets_cheaper_from"]] for plan in plans]
    cells = [[f"{scale:,} runtimes" if scale else "never" for scale in pair] for pair in scales]
    return [[*plan_name(plan), *pair] for plan, pair in zip(plans, cells, strict=True)]


def deployments(plans):
    """Without push, and with push at the longest interval."""
    longest = max(plan["heartbeat_s"] for plan in plans)
    rows = []
    for pushed in (plan for plan in plans if plan["heartbeat_s"] == longest):
        plain = next(plan for plan in plans if not plan["pushed"] and plan["runtimes_a_daemon"] == pushed["runtimes_a_daemon"])
        for with_push, without in zip(pushed["deployments"], plain["deployments"], strict=True):
            dollars = [without["doorbell"], *(with_push[design] for design in ("doorbell", "containers", "sockets"))]
            rows.append([f"{with_push['runtimes']:,.0f}", f"{pushed['runtimes_a_daemon']:g}", *(f"{amount:,.0f}" for amount in dollars)])
    columns = ["runtimes", "runtimes a daemon", "without push", "with push", "containers, heartbeats", "containers, sockets"]
    return table(columns, rows)


def cold_start():
    rows = []
    for line in lines("cold_start"):
        low, median, high = line["init_ms"]
        rows.append([line["function"], f"{median:.1f} ({low:.1f} to {high:.1f})", f"{line['init_ratio']:.2f}"])
        rows[-1] += [f"{line['first_call_ms']:.1f}", f"{line['warm_ms']:.2f}", f"{line['peak_bytes'] / 2**20:.1f}", f"{line['binary_bytes'] / 1e6:.2f}"]
    columns = ["function", "init, ms (p10 to p90)", "× empty", "first call, ms", "warm call, ms", "peak, MiB", "binary, MB"]
    return f"""## Cold start

Each function as built by `sam build`, compared with an empty `lambda_http` function of the same profile: whole processes under
hyperfine, with a runtime API and a DynamoDB over TLS, both on loopback. Init is a process without a call: start, first request
for an event, and exit. The times of calls are additional.

{table(columns, rows)}
"""


def warm_calls():
    return f"""## Warm calls

Own time of an invocation: from the bytes of the event to the bytes of the response, log and metrics included, on the memory store.
One call at a time, as on Lambda.

```
{(RESULTS / "warm_calls.txt").read_text().strip()}
```
"""


def load():
    rows = []
    for line in lines("load"):
        heartbeat = operation(line, "heartbeat")
        errors = sum(heartbeat["errors"].values())
        rows.append([line["store"], f"{line['runtimes']:,}", line["concurrency"], f"{heartbeat['per_second']:,.0f}"])
        rows[-1] += [f"{heartbeat['p50_ms']:.2f}", f"{heartbeat['p99_ms']:.2f}", errors]
        rows[-1] += [f"{line['cpu_us_per_heartbeat']:.0f}", f"{line['resident_bytes'] / 2**20:.0f}"]
    columns = ["store", "runtimes", "at once", "heartbeats/s", "p50, ms", "p99, ms", "errors", "server CPU, µs each", "resident, MiB"]
    return f"""## Load on one server

Heartbeats of `doorbell bench` against one `doorbell dev`, over HTTP on loopback. The client shares the cores; the server's CPU time
includes its start and the registration.

{table(columns, rows)}
"""


def lines(file):
    return [json.loads(line) for line in (RESULTS / f"{file}.jsonl").read_text().splitlines()]


def operation(line, wanted):
    return next(row for row in line["operations"] if row["operation"] == wanted)


def name(line):
    return NAMES.get(line["operation"], line["operation"])


def table(columns, rows):
    cells = [[str(cell) for cell in row] for row in [columns, *rows]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    is_text = [place == 0 or any(row[place][:1].isalpha() for row in cells[1:]) for place in range(len(columns))]
    rule = ["-" * width if text else "-" * (width - 1) + ":" for width, text in zip(widths, is_text, strict=True)]
    aligned = [[cell.ljust(width) if text else cell.rjust(width) for cell, width, text in zip(row, widths, is_text, strict=True)] for row in cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in [aligned[0], rule, *aligned[1:]])


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split(" (")[0]
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, {rustc}"


main()
