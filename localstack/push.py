#!/usr/bin/env python3
"""Checks what a deployed stack has of the push channel.

usage: push.py STACK off | push.py STACK on HOST DAEMON_TOKEN WORKSPACE      run with a Python that has boto3

`off`: no resource and no variable of it. `on`: variables, the rule, and both functions of IoT Core, which it invokes as IoT Core
would. Prints the deployment in client ids.
"""

import base64
import json
import os
import sys

import boto3

if not os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1:"):
    sys.exit("AWS_ENDPOINT_URL must name an emulator on this machine")

stack, state, *arguments = sys.argv[1:]
cloudformation, functions = boto3.client("cloudformation"), boto3.client("lambda")
deployment = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"].split("/")[2]
resources = {
    resource["LogicalResourceId"]: resource
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in page["StackResourceSummaries"]
    if not resource["ResourceStatus"].startswith("DELETE")
}
variables = {}
for name, resource in resources.items():
    if resource["ResourceType"] == "AWS::Lambda::Function":
        found = functions.get_function_configuration(FunctionName=resource["PhysicalResourceId"])["Environment"]["Variables"]
        variables[name] = {key: value for key, value in found.items() if "PUSH" in key or "DEPLOYMENT" in key}


def off():
    of_push = ("Push", "Connect", "Presence", "Disconnected", "Hints", "Leases")
    left = [name for name in resources if name.startswith(of_push)]
    left += [name for name, found in variables.items() if found]
    assert not left, f"of the push channel: {left}"


def invoke(name, event):
    answer = functions.invoke(FunctionName=resources[name]["PhysicalResourceId"], Payload=json.dumps(event))
    payload = json.load(answer["Payload"])
    assert "FunctionError" not in answer, f"{name}: {payload}"
    return payload


def on(host, token, workspace):
    channel = {
        "DOORBELL_PUSH_ENDPOINT": f"https://{host}",
        "DOORBELL_PUSH_URL": f"mqtts://{host}:443",
        "DOORBELL_PUSH_USERNAME": "doorbell?x-amz-customauthorizer-name=PushAuthorizer",
        "DOORBELL_PUSH_HEARTBEAT_S": "21600",
        "DOORBELL_DEPLOYMENT": deployment,
    }
    for name, found in variables.items():
        if name in ("RegisterFunction", "HeartbeatFunction", "InitiateFunction", "PollFunction", "PresenceFunction", "AdministerFunction"):
            assert found == channel, f"{name}: {found}"
        elif name != "ConnectFunction":
            assert not found, f"{name}: {found}"

    rule = boto3.client("iot").get_topic_rule(ruleName=resources["DisconnectedRule"]["PhysicalResourceId"])["rule"]
    assert f"startswith(clientId, '{deployment}.')" in rule["sql"], rule

    client = f"{deployment}.{workspace}.{'0' * 32}"
    password = base64.b64encode(token.encode()).decode()
    event = {"protocolData": {"mqtt": {"clientId": client, "password": password}}}
    decision = invoke("ConnectFunction", event)
    assert decision["isAuthenticated"], decision
    [policy] = decision["policyDocuments"]
    prefix = variables["ConnectFunction"]["DOORBELL_PUSH_ARN_PREFIX"]
    allowed = [statement["Resource"] for statement in json.loads(policy)["Statement"]]
    assert allowed == [f"{prefix}:client/{client}", f"{prefix}:topic/doorbell/wake"], allowed
    event["protocolData"]["mqtt"]["clientId"] = client.replace(deployment, "other")
    assert not invoke("ConnectFunction", event)["isAuthenticated"], "a client of another deployment"
    invoke("PresenceFunction", {"clientId": client})


globals()[state](*arguments)
print(deployment)
