#!/usr/bin/env python3
"""Adapts the packaged template to LocalStack's community edition, and creates the table elsewhere.

usage: adapt.py packaged.yaml TABLE ENDPOINT > stack.json      run with LocalStack's Python; the AWS variables have the keys

Two adaptations:
- LocalStack's own DynamoDB is DynamoDB Local, whose licence requires an AWS account. The table becomes a parameter with the name TABLE,
  and is created at ENDPOINT, with keys and TTL of the template. The functions find it by the parameter DynamoDbEndpoint.
- LocalStack takes the escape `${!…}` of `Fn::Sub` for a reference. Only the dashboard has one.

LocalStack itself skips the resources that it does not have: the HTTP API, and with a push channel those of IoT Core.
"""

import json
import re
import sys

import boto3
from expand import Template, yaml


def with_parameter(value, arn):
    """Replaces the attributes of the resource `Table`. References by name work for a parameter as well."""
    if isinstance(value, list):
        return [with_parameter(item, arn) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"Fn::GetAtt": ["Table", "Arn"]}:
        return {"Fn::Sub": arn}
    return {key: with_parameter(item, arn) for key, item in value.items()}


def create(table, properties, endpoint):
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
    names = ("AttributeDefinitions", "KeySchema", "BillingMode")
    try:
        dynamodb.create_table(TableName=table, **{name: properties[name] for name in names})
    except dynamodb.exceptions.ResourceInUseException:
        return  # LocalStack has been started again, and has lost the stack only
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=properties["TimeToLiveSpecification"])


def main():
    packaged, table, endpoint = sys.argv[1:]
    with open(packaged) as file:
        text = re.sub(r"\$\{!PROP\([^}]*\}", "label", file.read())
    template = yaml.load(text, Template)
    create(table, template["Resources"].pop("Table")["Properties"], endpoint)
    template["Parameters"]["Table"] = {"Type": "String", "Default": table}
    arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}"
    json.dump(with_parameter(template, arn), sys.stdout, indent=1, default=str)


if __name__ == "__main__":
    main()
