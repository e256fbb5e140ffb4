#!/usr/bin/env python3
"""Adapts the packaged template to LocalStack's community edition.

usage: adapt.py packaged.yaml [TABLE ENDPOINT] > stack.json      run with the SAM CLI's Python; the AWS variables have the keys

LocalStack takes the escape `${!…}` of `Fn::Sub` for a reference. Only the dashboard has one, and it is replaced.

With TABLE, the table is created at ENDPOINT, with keys and TTL of the template, and becomes a parameter of that name. The functions find
it by the parameter DynamoDbEndpoint. LocalStack's own DynamoDB is DynamoDB Local, whose licence requires an AWS account.

LocalStack itself skips the resources that it does not have: the HTTP API, the dashboard, metric filters, and with a push channel those of IoT
Core.
"""

import json
import re
import sys

import boto3
from expand import Template, yaml

ARN = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}"}


def with_parameter(value):
    """Replaces the attributes of the resource `Table`. References by name work for a parameter as well."""
    if isinstance(value, list):
        return [with_parameter(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"Fn::GetAtt": ["Table", "Arn"]}:
        return ARN
    return {key: with_parameter(item) for key, item in value.items()}


def create(table, properties, endpoint):
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
    names = ("AttributeDefinitions", "KeySchema", "BillingMode")
    try:
        dynamodb.create_table(TableName=table, **{name: properties[name] for name in names})
    except dynamodb.exceptions.ResourceInUseException:
        return  # LocalStack has been started again, and has lost the stack only
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=properties["TimeToLiveSpecification"])


def with_table_elsewhere(template, table, endpoint):
    create(table, template["Resources"].pop("Table")["Properties"], endpoint)
    template["Parameters"]["Table"] = {"Type": "String", "Default": table}
    return with_parameter(template)


def main():
    packaged, *table = sys.argv[1:]
    with open(packaged) as file:
        text = re.sub(r"\$\{!PROP\([^}]*\}", "label", file.read())
    template = yaml.load(text, Template)
    if table:
        template = with_table_elsewhere(template, *table)
    json.dump(template, sys.stdout, indent=1, default=str)


if __name__ == "__main__":
    main()
