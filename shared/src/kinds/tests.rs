use std::collections::BTreeSet;
use std::time::Duration;

use super::fixtures::{asked, pending};
use super::model_list::MODEL_LIST;
use super::*;

fn payload(json: &str) -> Payload {
    Payload::try_from(json.to_owned()).unwrap()
}

#[test]
fn names_segments_and_heartbeat_fields_are_unique() {
    let unique = |name: fn(&&BuiltInKind) -> String| BUILT_IN.iter().map(name).collect::<BTreeSet<_>>().len();
    assert_eq!(unique(|built_in| built_in.kind.to_string()), BUILT_IN.len());
    assert_eq!(unique(|built_in| built_in.segment.to_owned()), BUILT_IN.len());
    assert_eq!(unique(|built_in| built_in.heartbeat_field.to_owned()), BUILT_IN.len());
}

#[test]
fn segment_selects_kinds() {
    for kind in BUILT_IN {
        let found = RouteKind::of_segment(kind.segment);
        assert!(matches!(found, Some(RouteKind::BuiltIn(found)) if found.kind == kind.kind), "{kind:?}");
    }
    assert!(matches!(RouteKind::of_segment("requests"), Some(RouteKind::Any)));
    for other in ["", "model_list", "Models", "disk_usage"] {
        assert!(RouteKind::of_segment(other).is_none(), "{other:?}");
    }
}

#[test]
fn timeout_texts_are_those_of_the_contract() {
    let question = asked("a".parse().unwrap(), None);
    let queued = Request {
        deadlines: MODEL_LIST.deadlines.with_queue(Duration::from_secs(3_600)),
        ..pending(&MODEL_LIST)
    };
    for (request, not_claimed) in [
        (pending(&MODEL_LIST), "daemon did not respond within 30 seconds"),
        (question, "daemon did not respond within 30 seconds"),
        (queued, "daemon did not respond within 3600 seconds"),
    ] {
        assert_eq!(timeout_text(&request, TimeoutReason::NotClaimed), not_claimed);
        let not_reported = timeout_text(&request, TimeoutReason::NotReported);
        assert_eq!(not_reported, "daemon did not finish within 60 seconds");
    }
}

#[test]
fn generic_result_is_that_of_the_own_route() {
    let models = r#"[{"id":"a","label":"A"}]"#;
    let own = (MODEL_LIST.accept)(format!(r#"{{"status":"completed","models":{models}}}"#).as_bytes());
    let generic = MODEL_LIST.accept_result(&payload(&format!(r#"{{"models":{models}}}"#)));
    assert_eq!(generic, own);
}

#[test]
fn generic_result_of_another_shape_is_malformed() {
    for result in ["5", "null", "[]", r#"{"models":5}"#, r#"{"models":[{}]}"#] {
        let rejected = MODEL_LIST.accept_result(&payload(result));
        assert!(matches!(rejected, Err(Rejected::Malformed(_))), "{result}");
    }
}

/// A `status` in a result must not turn it into a failure.
#[test]
fn generic_result_cannot_set_status() {
    let accepted = MODEL_LIST.accept_result(&payload(r#"{"status":"failed","models":[]}"#));
    assert!(matches!(accepted, Ok(RequestOutcome::Completed(_))));
}
