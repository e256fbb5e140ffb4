#!/usr/bin/env python3
"""Takes a function's policy away, so that a test can see that IAM is enforced where it runs.

usage: deny.py STACK FUNCTION      run with a Python that has boto3
"""

import os
import sys

import boto3

if not os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1:"):
    sys.exit("only for an emulator on this machine, named by AWS_ENDPOINT_URL")

stack, function = sys.argv[1:]
role = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=f"{function}Role")
role = role["StackResourceDetail"]["PhysicalResourceId"]
iam = boto3.client("iam")
for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    print(f"{role} has {policy} no more")
