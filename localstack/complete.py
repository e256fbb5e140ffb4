#!/usr/bin/env python3
"""Enables TTL on the tables as in the template; ministack's CloudFormation ignores it.

usage: complete.py STACK stack.json      run with a Python that has boto3
"""

import json
import os
import sys

import boto3

if not os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1:"):
    sys.exit("AWS_ENDPOINT_URL must name an emulator on this machine")

stack, template = sys.argv[1:]
with open(template) as file:
    resources = json.load(file)["Resources"]
cloudformation, dynamodb = boto3.client("cloudformation"), boto3.client("dynamodb")
for name, resource in resources.items():
    if ttl := resource.get("Properties", {}).get("TimeToLiveSpecification"):
        detail = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
        table = detail["StackResourceDetail"]["PhysicalResourceId"]
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=ttl)
