#!/usr/bin/env python3
"""Checks the logs of a deployed stack: every function has logged, metrics are present, no errors, no secrets.

usage: logged.py STACK SECRET…      run with a Python that has boto3; the AWS variables select the endpoint
"""

import json
import sys

import boto3

stack, *secrets = sys.argv[1:]
# Functions that emit metrics (shared/src/http/metrics.rs).
emitting = ("HeartbeatLog", "PollLog", "ReportLog")
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
    own = [json.loads(line) for line in lines if line.startswith("{")]
    metrics = [line for line in own if "_aws" in line]
    print(f"{name}: {len(own)} lines, {len(metrics)} metric lines")
    if not own:
        failures.append(f"{name} is empty")
    if name in emitting and not metrics:
        failures.append(f"{name} has no metrics")
    failures += [f"{name} contains a secret" for secret in secrets if any(secret in line for line in lines)]
    failures += [f"{name}: {line['message']}" for line in own if line.get("level") == "ERROR"]
sys.exit("\n".join(failures) or None)
