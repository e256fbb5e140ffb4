//! The environment that a function finds on Lambda, with a DynamoDB on loopback in it: the one place that knows how a
//! function is pointed at it and comes to trust it.

use std::process::Command;

use doorbell_shared::lambda::TABLE_VARIABLE;
use doorbell_shared::store::dynamodb::connect::{ENDPOINT_VARIABLE, function::BUNDLE_VARIABLE};
use doorbell_shared::store::dynamodb::embedded::TABLE;

use crate::dynamodb::DynamoDb;
use crate::trust::Trust;

/// Gives `command` this environment and nothing else.
pub(crate) fn set(command: &mut Command, function: &str, dynamodb: &DynamoDb, trust: &Trust) {
    command.env_clear().envs(LAMBDA);
    command.env("AWS_LAMBDA_FUNCTION_NAME", function);
    command.env(TABLE_VARIABLE, TABLE);
    command.env(ENDPOINT_VARIABLE, &dynamodb.endpoint);
    command.env(BUNDLE_VARIABLE, &trust.amazon);
    command.env("SSL_CERT_FILE", &trust.machine);
}

/// What Lambda sets (AWS, "Working with Lambda environment variables") and the template; the keys are AWS's own example.
const LAMBDA: [(&str, &str); 8] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "example"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
    ("DOORBELL_STACK", "bench"),
];
