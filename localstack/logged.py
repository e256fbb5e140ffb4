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
resources = [
    resource
    for page in boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in page["StackResourceSummaries"]
]
groups = {
    resource["LogicalResourceId"]: resource["PhysicalResourceId"]
    for resource in resources
    if resource["ResourceType"] == "AWS::Logs::LogGroup" and resource["LogicalResourceId"] != "AccessLog"
}
functions = [resource for resource in resources if resource["ResourceType"] == "AWS::Lambda::Function"]
failures = [] if len(groups) == len(functions) else [f"{len(functions)} functions and {len(groups)} logs"]

events = boto3.client("logs").get_paginator("filter_log_events")
for name, group in sorted(groups.items()):
    lines = [event["message"] for page in events.paginate(logGroupName=group) for event in page["events"]]
    ours = [json.loads(line) for line in lines if line.startswith("{")]
    metrics = [line for line in ours if "_aws" in line]
    print(f"{name}: {len(ours)} lines, {len(metrics)} of metrics")
    if not ours:
        failures.append(f"{name} is empty")
    if name in counting and not metrics:
        failures.append(f"{name} has no metrics")
    failures += [f"{name} shows a secret" for secret in secrets if any(secret in line for line in lines)]
    failures += [f"{name}: {line['message']}" for line in ours if line.get("level") == "ERROR"]
sys.exit("\n".join(failures) or None)
