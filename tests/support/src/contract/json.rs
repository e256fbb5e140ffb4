//! JSON of models passes from report to poll to the letter, except for nulls.

use super::{Target, acknowledged, result_path};
use crate::{ApiResponse, Caller};

/// Reports one model with `field` in it; returns the response, and the poll's body afterwards.
async fn report_model(api: &Target, field: &str) -> (ApiResponse, String) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let report = format!(r#"{{"status":"completed","models":[{{"id":"a","label":"A",{field}}}]}}"#);
    let response = api.post_raw(Caller::DaemonA, &result_path(&runtime, &request), report).await;
    let poll = format!("{}/{request}", super::models_path(&runtime));
    let (status, record) = api.get_text(Caller::UserA, &poll).await;
    assert_eq!(status, 200);
    (response, record)
}

/// Asserts that `field` is shown as `expected`.
async fn assert_shown(api: &Target, field: &str, expected: &str) {
    let (response, record) = report_model(api, field).await;
    assert_eq!(response, acknowledged(), "{field}");
    let model = format!(r#""models":[{{"id":"a","label":"A"{expected}}}]"#);
    assert!(record.contains(&model), "{field}: {record}");
}

pub async fn passes_numbers_through_to_the_letter(api: &Target) {
    for number in [
        "1.10",
        "18446744073709551616",
        "-123456789012345678901234567890",
        "1e400",
        "1E+2",
        "-0",
        "0.1000000000000000055511151231257827",
    ] {
        let field = format!(r#""x":{number}"#);
        assert_shown(api, &field, &format!(",{field}")).await;
    }
}

pub async fn drops_nulls_at_any_depth(api: &Target) {
    for (field, expected) in [
        (r#""x":null"#, ""),
        (r#""x":[1,null,2]"#, r#","x":[1,2]"#),
        (r#""x":[null]"#, r#","x":[]"#),
        (r#""x":{"y":[{"z":null,"w":[null,{"v":null}]}]}"#, r#","x":{"y":[{"w":[{}]}]}"#),
        (r#""x":"null""#, r#","x":"null""#),
    ] {
        assert_shown(api, field, expected).await;
    }
}

pub async fn passes_duplicate_fields_through(api: &Target) {
    assert_shown(api, r#""x":1,"x":2"#, r#","x":1,"x":2"#).await;
}

/// `serde_json` parses 127 levels. Two surround a model, which is one level itself.
pub async fn rejects_nesting_over_127(api: &Target) {
    let nested = |levels: usize| format!(r#""x":{}{}"#, "[".repeat(levels), "]".repeat(levels));
    for levels in [100, 124] {
        let field = nested(levels);
        assert_shown(api, &field, &format!(",{field}")).await;
    }
    for levels in [125, 500, 100_000] {
        let (response, record) = report_model(api, &nested(levels)).await;
        assert_eq!(response, ApiResponse::error(400, "invalid request body"), "{levels}");
        let error = r#""error":"the daemon's report has a model that is nested deeper than 125 levels""#;
        assert!(record.contains(r#""status":"failed""#) && record.contains(error), "{record}");
    }
}
