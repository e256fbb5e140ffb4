#!/usr/bin/env python3
"""Deletes a function's policies, to verify that the emulator enforces IAM.

usage: deny.py STACK FUNCTION      run with a Python that has boto3
"""

import os
import sys

import boto3

if not os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1:"):
    sys.exit("AWS_ENDPOINT_URL must name an emulator on this machine")

stack, function = sys.argv[1:]
role = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=f"{function}Role")
role = role["StackResourceDetail"]["PhysicalResourceId"]
iam = boto3.client("iam")
for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    print(f"deleted {policy} of {role}")
