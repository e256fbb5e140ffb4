#!/usr/bin/env python3
"""Applies the SAM transform to the template and adapts the result to ministack.

usage: expand.py packaged.yaml [NAME=VALUE…] > stack.json      after `sam package` (CodeUri is `s3://…`); run with ministack's Python

The values are those of the deployment: like CloudFormation's, the transform replaces references to parameters by their values.

Four adaptations:
- SAM puts routes, integrations, the authorizer and CORS into an OpenAPI `Body`, which ministack ignores. They become resources and
  properties of their own.
- ministack does not support alarms on metric math. They are removed and listed on stderr.
- ministack keeps "true" and "false" as text, also in the answer of `DescribeTable`, which the SDK then cannot read. CloudFormation
  converts them.

- ministack has no custom authorizers of IoT Core. They are removed, and references to them become their logical ids. The suite
  `template` checks them.

ministack does not enforce the permission of a service to invoke functions, so `check_permissions` verifies the transformed template.
"""

import json
import os
import re
import sys
from types import SimpleNamespace

import yaml

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
from samtranslator.translator.transform import transform  # noqa: E402  reads the region on import


class Template(yaml.SafeLoader):
    """YAML loader with CloudFormation's short forms."""


def short_form(loader, name, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


Template.add_multi_constructor("!", short_form)


def expanded(path, overrides):
    with open(path) as file:
        template = yaml.load(file, Template)
    values = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    if unknown := overrides.keys() - values.keys():
        sys.exit(f"unknown parameters: {', '.join(sorted(unknown))}")
    stack = transform(template, values | overrides, SimpleNamespace(load=dict))
    stack.pop("Transform", None)
    return stack


def resources_of(stack, kind):
    return {name: resource for name, resource in stack["Resources"].items() if resource["Type"] == kind}


# The functions that IoT Core invokes, each for one authorizer or rule.
INVOKED_BY_IOT = {"ConnectFunction": "PushAuthorizer", "PresenceFunction": "DisconnectedRule"}


def function_of(reference):
    """The function that a name or an ARN refers to."""
    if "Fn::Sub" in reference:
        return re.fullmatch(r"arn:.*:function:\$\{(\w+)\}", reference["Fn::Sub"])[1]
    return reference.get("Ref") or reference["Fn::GetAtt"][0]


def check_permissions(stack):
    """Exactly the service that a function is for may invoke it."""
    found = {}
    for permission in resources_of(stack, "AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        name = function_of(properties["FunctionName"])
        assert "SourceArn" in properties, permission
        if source := INVOKED_BY_IOT.get(name):
            assert properties["SourceArn"] == {"Fn::GetAtt": [source, "Arn"]}, permission
        found.setdefault(name, set()).add(properties["Principal"])
    functions = resources_of(stack, "AWS::Lambda::Function")
    expected = {name: {f"{'iot' if name in INVOKED_BY_IOT else 'apigateway'}.amazonaws.com"} for name in functions}
    assert found == expected, f"may invoke: {found}"
    print(f"permissions for {len(functions)} functions", file=sys.stderr)


def without_references(value, name):
    """Replaces references to the resource `name` by texts."""
    if isinstance(value, list):
        return [without_references(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": name}:
        return name
    if value == {"Fn::GetAtt": [name, "Arn"]}:
        return f"arn:aws:iot:us-east-1:000000000000:authorizer/{name}"
    if isinstance(text := value.get("Fn::Sub"), str):
        return {"Fn::Sub": text.replace(f"${{{name}}}", name)}
    return {key: without_references(item, name) for key, item in value.items()}


def authorizer(api, name, scheme):
    described = scheme["x-amazon-apigateway-authorizer"]
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": {"Ref": api},
            "Name": name,
            "AuthorizerType": described["type"].upper(),
            "AuthorizerUri": described["authorizerUri"],
            "AuthorizerPayloadFormatVersion": described["authorizerPayloadFormatVersion"],
            "EnableSimpleResponses": described["enableSimpleResponses"],
            "AuthorizerResultTtlInSeconds": described["authorizerResultTtlInSeconds"],
            "IdentitySource": described["identitySource"],
        },
    }


def integration(api, described):
    return {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": api},
            "IntegrationType": described["type"].upper(),
            "IntegrationUri": described["uri"],
            "PayloadFormatVersion": described["payloadFormatVersion"],
        },
    }


# The routes that anyone may call.
PUBLIC = {"POST /api/enrolments/redeem", "GET /", "GET /page.js", "GET /page.css", "GET /page.json"}


def route(api, key, integration_name, authorizer_name):
    """Without `authorizer_name`, the route is public."""
    authorization = {"AuthorizationType": "NONE"}
    if authorizer_name:
        authorization = {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": authorizer_name}}
    return {
        "Type": "AWS::ApiGatewayV2::Route",
        "Properties": {
            "ApiId": {"Ref": api},
            "RouteKey": key,
            "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integration_name}]]},
            **authorization,
        },
    }


def without_body(name, api):
    """Replaces the OpenAPI body by resources. A route without an authorizer is an error, except for those of PUBLIC."""
    properties = api["Properties"]
    body = properties.pop("Body")
    properties.pop("FailOnWarnings", None)
    properties |= {"Name": name, "ProtocolType": "HTTP"}
    properties["CorsConfiguration"] = body["x-amazon-apigateway-cors"]
    made = {name: api}
    for scheme, described in body["components"]["securitySchemes"].items():
        made[f"{name}Authorizer{scheme}"] = authorizer(name, scheme, described)
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            words = re.sub("[^A-Za-z0-9]", "", f"{path.title()}{method.title()}")
            schemes = [scheme for security in operation.get("security", []) for scheme in security]
            made[f"{name}Integration{words}"] = integration(name, operation["x-amazon-apigateway-integration"])
            key = f"{method.upper()} {path}"
            assert len(schemes) == (0 if key in PUBLIC else 1), f"authorizers of {key}: {schemes}"
            authorizer_name = f"{name}Authorizer{schemes[0]}" if schemes else None
            made[f"{name}Route{words}"] = route(name, key, f"{name}Integration{words}", authorizer_name)
    return made


def main():
    # The SAM CLI takes an empty value as "".
    overrides = (override.replace('""', "").split("=", 1) for override in sys.argv[2:])
    stack = expanded(sys.argv[1], dict(overrides))
    check_permissions(stack)
    for name, api in resources_of(stack, "AWS::ApiGatewayV2::Api").items():
        stack["Resources"] |= without_body(name, api)
    for table in resources_of(stack, "AWS::DynamoDB::Table").values():
        table["Properties"]["DeletionProtectionEnabled"] = table["Properties"]["DeletionProtectionEnabled"] == "true"
    for name, alarm in resources_of(stack, "AWS::CloudWatch::Alarm").items():
        if "Metrics" in alarm["Properties"]:
            print(f"removed alarm on metric math: {name}", file=sys.stderr)
            del stack["Resources"][name]
    for name in resources_of(stack, "AWS::IoT::Authorizer"):
        print(f"removed custom authorizer: {name}", file=sys.stderr)
        del stack["Resources"][name]
        stack = without_references(stack, name)
    json.dump(stack, sys.stdout, indent=1, default=str)


if __name__ == "__main__":
    main()
