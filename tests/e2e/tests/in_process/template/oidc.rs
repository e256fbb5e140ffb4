//! OIDC parameters: one for each variable of the authorizer and the page, and rules against incomplete configurations.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use doorbell_functions::auth::oidc::OidcConfig;
use doorbell_functions::page::SignInConfig;
use serde_yaml_ng::Value;

use crate::template::yaml::{functions, intrinsic, template, text, values};

const URL: &str = "https://issuer.example";

/// A function's variables and their parameters.
fn variables(binary: &str) -> BTreeMap<String, String> {
    let variables = functions()[binary]["Environment"]["Variables"].clone();
    let parameter = |value| intrinsic(value).strip_prefix("!Ref ").unwrap().to_owned();
    variables.as_mapping().unwrap().iter().map(|(name, value)| (text(name), parameter(value))).collect()
}

#[test]
fn every_oidc_variable_has_a_parameter() {
    let read = RefCell::new(BTreeSet::new());
    OidcConfig::from_lookup(|name| {
        read.borrow_mut().insert(name.to_owned());
        Some(URL.to_owned())
    })
    .unwrap();
    assert_eq!(read.take(), variables("authorizer").into_keys().collect());
    SignInConfig::from_lookup(|name| {
        read.borrow_mut().insert(name.to_owned());
        Some(URL.to_owned())
    })
    .unwrap();
    assert_eq!(read.take(), variables("page").into_keys().collect());
}

/// Evaluates a condition of `Rules` with the parameters that are set.
fn holds(condition: &Value, set: &BTreeSet<String>) -> bool {
    let Value::Tagged(tagged) = condition else { panic!("{condition:?}") };
    let arguments = tagged.value.as_sequence().unwrap();
    match tagged.tag.to_string().as_str() {
        "!Not" => !holds(&arguments[0], set),
        "!Or" => arguments.iter().any(|argument| holds(argument, set)),
        "!Equals" => {
            assert_eq!(arguments[1], "", "rules compare with the empty text only");
            !set.contains(intrinsic(&arguments[0]).strip_prefix("!Ref ").unwrap())
        }
        other => panic!("{other}"),
    }
}

fn is_deployed(set: &BTreeSet<String>) -> bool {
    values(&template()["Rules"]).iter().all(|rule| {
        let assertions = rule["Assertions"].as_sequence().unwrap();
        !holds(&rule["RuleCondition"], set)
            || assertions.iter().all(|assertion| holds(&assertion["Assert"], set))
    })
}

#[test]
fn rules_reject_incomplete_oidc_configuration() {
    let variables: BTreeMap<_, _> = ["authorizer", "page"].into_iter().flat_map(variables).collect();
    // These have a default.
    let optional = |parameter: &str| !["OidcWorkspacesClaim", "OidcScope"].contains(&parameter);
    let optional: Vec<_> = variables.iter().filter(|(_, parameter)| optional(parameter)).collect();
    for choice in 0..1 << optional.len() {
        let chosen = optional.iter().enumerate().filter(|(place, _)| choice >> place & 1 == 1);
        let set: BTreeMap<&str, &str> =
            chosen.map(|(_, (variable, parameter))| (variable.as_str(), parameter.as_str())).collect();
        let lookup = |name: &str| set.contains_key(name).then(|| URL.to_owned());
        let starts = OidcConfig::from_lookup(lookup).is_ok() && SignInConfig::from_lookup(lookup).is_ok();
        let parameters = set.values().map(|parameter| (*parameter).to_owned()).collect();
        assert_eq!(is_deployed(&parameters), starts, "{parameters:?}");
    }
}
