//! The template as a tree, and its functions by the name of their binary.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

/// With a push channel.
pub(crate) fn template() -> Value {
    deployed_with(true)
}

/// Without a push channel: the default.
pub(crate) fn template_without_push() -> Value {
    deployed_with(false)
}

fn deployed_with(push: bool) -> Value {
    let template = serde_yaml_ng::from_str(include_str!("../../../../../template.yaml")).unwrap();
    resolve(template, push).unwrap()
}

/// What is left of a value after the conditions `Push` and `PushMonitored` are decided. `None` for a resource that is not created, and for
/// `AWS::NoValue`.
fn resolve(value: Value, push: bool) -> Option<Value> {
    match value {
        Value::Tagged(tagged) if tagged.tag == "If" && tagged.value[0] == "Push" => {
            resolve(tagged.value[if push { 1 } else { 2 }].clone(), push)
        }
        Value::Tagged(tagged) if tagged.tag == "Ref" && tagged.value == "AWS::NoValue" => None,
        Value::Tagged(mut tagged) => {
            tagged.value = resolve(tagged.value, push)?;
            Some(Value::Tagged(tagged))
        }
        Value::Sequence(values) => {
            Some(Value::Sequence(values.into_iter().filter_map(|value| resolve(value, push)).collect()))
        }
        Value::Mapping(fields) => {
            let condition = fields.get("Condition").and_then(Value::as_str);
            if !push && matches!(condition, Some("Push" | "PushMonitored")) {
                return None;
            }
            let fields = fields.into_iter();
            Some(Value::Mapping(
                fields.filter_map(|(name, value)| Some((name, resolve(value, push)?))).collect(),
            ))
        }
        other => Some(other),
    }
}

/// The resources of a type by logical id.
pub(crate) fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap().iter();
    let of_kind = resources.filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(id, resource)| (text(id), resource.clone())).collect()
}

/// The properties of the functions by binary name.
pub(crate) fn functions() -> BTreeMap<String, Value> {
    let functions = resources("AWS::Serverless::Function").into_values();
    functions
        .map(|function| {
            (text(&function["Metadata"]["BuildProperties"]["Binary"]), function["Properties"].clone())
        })
        .collect()
}

/// A value as it is written in the template.
pub(crate) fn written(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap()
}

/// The text of `!Sub [text, variables]`, with the variables that are texts put in.
pub(crate) fn substituted(value: &Value) -> String {
    let list = untagged(value);
    let variables = list[1].as_mapping().unwrap().iter();
    variables.fold(text(&list[0]), |result, (name, value)| {
        result.replace(&format!("${{{}}}", text(name)), &text(value))
    })
}

/// A text, also one under a tag such as `!Sub`.
pub(crate) fn text(value: &Value) -> String {
    untagged(value).as_str().unwrap().to_owned()
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    untagged(value).as_sequence().unwrap().iter().map(text).collect()
}

/// The values of a map; none of anything else.
pub(crate) fn values(value: &Value) -> Vec<Value> {
    value.as_mapping().unwrap_or(&Mapping::new()).values().cloned().collect()
}

/// An intrinsic function as it is written in the template, such as `!Ref Table`.
pub(crate) fn intrinsic(value: &Value) -> String {
    let Value::Tagged(tagged) = value else { return text(value) };
    format!("{} {}", tagged.tag, text(&tagged.value))
}

fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        other => other,
    }
}
