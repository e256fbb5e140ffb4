#!/usr/bin/env python3
"""What the functions of a stack have logged: every function something, the ones that count their metrics, nothing of it a secret.

usage: logged.py STACK SECRET…      run with a Python that has boto3; where AWS is, the environment says
"""

import json
import sys

import boto3

stack, *secrets = sys.argv[1:]
# What these count is in shared/src/http/metrics.rs.
counting = ("HeartbeatLog", "PollLog", "ReportLog")
logs = boto3.client("logs")
failures = []
for page in logs.get_paginator("describe_log_groups").paginate():
    for group in page["logGroups"]:
        name = group["logGroupName"]
        if stack not in name or "vendedlogs" in name:
            continue
        lines = [
            event["message"]
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            for event in page["events"]
        ]
        ours = [json.loads(line) for line in lines if line.startswith("{")]
        metrics = [line for line in ours if "_aws" in line]
        print(f"{name}: {len(ours)} lines, {len(metrics)} of metrics, kept {group['retentionInDays']} days")
        if not ours:
            failures.append(f"{name} is empty")
        if name.endswith(counting) and not metrics:
            failures.append(f"{name} has no metrics")
        failures += [f"{name} shows a secret" for secret in secrets if any(secret in line for line in lines)]
        failures += [f"{name}: {line['message']}" for line in ours if line.get("level") == "ERROR"]
sys.exit("\n".join(failures) or None)
