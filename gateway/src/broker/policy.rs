//! Policies of IoT Core, as far as the authorizer of Doorbell uses them.

use serde::Deserialize;

/// Conditions, variables and the `Not…` elements are not supported: a document with them is invalid.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Policy {
    #[serde(rename = "Version")]
    _version: Option<String>,
    statement: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany,
    resource: OneOrMany,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Whether one statement allows the action and none denies it. `resource` is the last part of an ARN, such as `client/a`: the broker
/// has no region and no account.
pub(super) fn is_allowed(policies: &[Policy], action: &str, resource: &str) -> bool {
    let mut allowed = false;
    for statement in policies.iter().flat_map(|policy| &policy.statement) {
        if statement.applies_to(action, resource) {
            if statement.effect == Effect::Deny {
                return false;
            }
            allowed = true;
        }
    }
    allowed
}

impl Statement {
    fn applies_to(&self, action: &str, resource: &str) -> bool {
        self.action.as_slice().iter().any(|pattern| matches(pattern, action))
            && self.resource.as_slice().iter().any(|arn| arn_matches(arn, resource))
    }
}

/// `arn:partition:iot:region:account:resource`
fn arn_matches(arn: &str, resource: &str) -> bool {
    if arn == "*" {
        return true;
    }
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    matches!(parts[..], ["arn", _, "iot", _, _, pattern] if matches(pattern, resource))
}

/// `*` stands for any text and `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return matches_whole(pattern, text) };
    // The text of a `*` may begin after every character.
    let Some(text) = strip_pattern(first, text) else { return false };
    let ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
    ends.into_iter().any(|index| matches(rest, &text[index..]))
}

fn matches_whole(pattern: &str, text: &str) -> bool {
    strip_pattern(pattern, text) == Some("")
}

/// The rest of `text` after a pattern without `*`.
fn strip_pattern<'a>(pattern: &str, text: &'a str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in pattern.chars() {
        let found = rest.next()?;
        if expected != '?' && expected != found {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policies(statements: &serde_json::Value) -> Vec<Policy> {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        vec![serde_json::from_value(document).unwrap()]
    }

    fn statement(effect: &str, resource: &str) -> serde_json::Value {
        json!({ "Effect": effect, "Action": "iot:Connect", "Resource": resource })
    }

    #[test]
    fn allows_only_the_named_action_and_resource() {
        let policies = policies(&json!([statement("Allow", "arn:aws:iot:eu-west-1:1:client/a.b")]));
        assert!(is_allowed(&policies, "iot:Connect", "client/a.b"));
        assert!(!is_allowed(&policies, "iot:Connect", "client/a.bc"));
        assert!(!is_allowed(&policies, "iot:Connect", "client/axb"));
        assert!(!is_allowed(&policies, "iot:Receive", "client/a.b"));
        assert!(!is_allowed(&[], "iot:Connect", "client/a.b"));
    }

    #[test]
    fn lists_of_actions_and_resources_are_alternatives() {
        let policies = policies(&json!([{
            "Effect": "Allow",
            "Action": ["iot:Connect", "iot:Receive"],
            "Resource": ["arn:aws:iot:r:1:client/a", "arn:aws:iot:r:1:topic/t"],
        }]));
        assert!(is_allowed(&policies, "iot:Receive", "topic/t"));
        assert!(!is_allowed(&policies, "iot:Publish", "topic/t"));
    }

    #[test]
    fn denial_wins() {
        let allow = statement("Allow", "arn:aws:iot:r:1:client/*");
        let deny = statement("Deny", "arn:aws:iot:r:1:client/b");
        for statements in [json!([allow, deny]), json!([deny, allow])] {
            let policies = policies(&statements);
            assert!(is_allowed(&policies, "iot:Connect", "client/a"));
            assert!(!is_allowed(&policies, "iot:Connect", "client/b"));
        }
    }

    #[test]
    fn wildcards_match_texts_and_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("a*b*c", "aXbYc", true),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("a", "ab", false),
            ("*ü", "xü", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn resource_must_be_an_arn_of_iot() {
        for resource in ["client/a", "arn:aws:s3:r:1:client/a", "arn:aws:iot:client/a"] {
            let policies = policies(&json!([statement("Allow", resource)]));
            assert!(!is_allowed(&policies, "iot:Connect", "client/a"), "{resource}");
        }
    }

    #[test]
    fn unsupported_elements_are_invalid() {
        let mut conditional = statement("Allow", "*");
        conditional["Condition"] = json!({});
        let document = json!({ "Statement": [conditional] });
        assert!(serde_json::from_value::<Policy>(document).is_err());
    }
}
