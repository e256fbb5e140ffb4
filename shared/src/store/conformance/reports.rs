//! Acknowledged is stored, and stale changes nothing.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::{TICK, answer, recorded};
use crate::request::{ErrorText, RequestOutcome, State};
use crate::store::{ReportOutcome, Store};
use doorbell_protocol::limits::{PENDING_DEADLINE, RESULT_BYTES, RUNNING_DEADLINE};

/// However long it is and whatever it says; and each is known again.
pub async fn any_result_comes_back_as_it_was<S: Store>(scene: Scene<S>) {
    let catalog: String =
        (0..500).map(|number| format!(r#"{{"id":"{number}","label":"Ä {number}"}},"#)).collect();
    let [short, long] = [catalog[..500].to_owned(), catalog[..1_500].to_owned()];
    for json in [String::new(), short, long, catalog] {
        let (asked, outcome) = (scene.ring(scene.start).await, answer(&json));
        assert_eq!(scene.report(asked.address, &outcome, scene.at(2)).await, recorded(&asked));
        assert_eq!(scene.report(asked.address, &outcome, scene.at(3)).await, ReportOutcome::Duplicate);
        let other = answer(&format!("{json} "));
        assert_eq!(scene.report(asked.address, &other, scene.at(3)).await, ReportOutcome::Stale);
        let shown = scene.poll(&scene.there, asked.address, scene.at(4)).await.unwrap();
        assert_eq!(shown.state, State::from(outcome));
    }
}

/// On every node, with the time of the report.
pub async fn a_result_is_shown_by_every_later_poll<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.claim(asked.address, scene.at(1)).await;
    let outcome = answer(r#"{"models":[{"id":"a","label":"Ä"}]}"#);
    assert_eq!(scene.report(asked.address, &outcome, scene.at(2)).await, recorded(&asked));
    for (replica, second) in [(&scene.here, 2), (&scene.there, 3), (&scene.there, 100)] {
        let shown = scene.poll(replica, asked.address, scene.at(second)).await.unwrap();
        assert_eq!((shown.state, shown.updated_at), (State::from(outcome.clone()), scene.at(2)));
    }
}

/// Whatever the daemon said, for the person to read.
pub async fn a_failure_is_shown_with_its_text<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.claim(asked.address, scene.at(1)).await;
    let error = ErrorText::from("codex is not logged in".to_owned());
    scene.report(asked.address, &RequestOutcome::Failed(error.clone()), scene.at(2)).await;
    let shown = scene.poll(&scene.there, asked.address, scene.at(3)).await.unwrap();
    assert_eq!(shown.state, State::Failed(error));
}

/// A daemon may know of a request that it never claimed, when the claim's answer took another way.
pub async fn a_pending_request_may_be_reported<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    assert_eq!(scene.report(asked.address, &answer("{}"), scene.at(2)).await, recorded(&asked));
}

/// Its answer was lost on the way, and the daemon says it again.
pub async fn the_same_report_again_is_a_repetition<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.report(asked.address, &answer("{}"), scene.at(2)).await;
    assert_eq!(scene.report(asked.address, &answer("{}"), scene.at(3)).await, ReportOutcome::Duplicate);
    let shown = scene.poll(&scene.there, asked.address, scene.at(4)).await.unwrap();
    assert_eq!(shown.updated_at, scene.at(2), "the second report moved the record");
}

/// A report whose answer was lost is made again by the SDK, and is no repetition of itself.
pub async fn the_same_report_of_the_same_time_is_the_same_call<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.report(asked.address, &answer("{}"), scene.at(2)).await;
    assert_eq!(scene.report(asked.address, &answer("{}"), scene.at(2)).await, recorded(&asked));
}

/// First answered is answered.
pub async fn another_report_is_stale<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.report(asked.address, &answer("[1]"), scene.at(2)).await;
    assert_eq!(scene.report(asked.address, &answer("[2]"), scene.at(3)).await, ReportOutcome::Stale);
    let shown = scene.poll(&scene.there, asked.address, scene.at(4)).await.unwrap();
    assert_eq!(shown.state, State::from(answer("[1]")));
}

/// Also when nobody has written the lapse down yet: a client may be about to.
pub async fn a_report_after_the_deadline_is_stale<S: Store>(scene: Scene<S>) {
    let (pending, running) = (scene.ring(scene.start).await, scene.ring(scene.start).await);
    scene.claim(running.address, scene.at(10)).await;
    let (pending_deadline, running_deadline) =
        (scene.start + PENDING_DEADLINE, scene.at(10) + RUNNING_DEADLINE);
    for (asked, deadline) in [(pending, pending_deadline), (running, running_deadline)] {
        let late = scene.report(asked.address, &answer("{}"), deadline + TICK).await;
        assert_eq!(late, ReportOutcome::Stale);
        assert_eq!(scene.report(asked.address, &answer("{}"), deadline).await, recorded(&asked));
    }
}

/// The limit leaves room for the rest of the item.
pub async fn a_result_as_large_as_allowed_is_stored<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.claim(asked.address, scene.at(1)).await;
    let large = answer(&"x".repeat(RESULT_BYTES));
    assert_eq!(scene.report(asked.address, &large, scene.at(2)).await, recorded(&asked));
    let shown = scene.poll(&scene.there, asked.address, scene.at(3)).await.unwrap();
    assert_eq!(shown.state, State::from(large));
}
