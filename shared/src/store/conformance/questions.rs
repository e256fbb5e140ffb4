//! Questions: declared by a registration, read by rings and lists.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use doorbell_protocol::limits::QUESTIONS_BYTES;
use doorbell_protocol::{Question, Timestamp};

use super::TestContext;
use super::context::{TICK, json, kind};
use crate::limits::{QUESTIONS_PER_PAGE_BYTES, RUNTIME_RETENTION};
use crate::questions::Questions;
use crate::request::Deadlines;
use crate::runtime::{Registration, Runtime};
use crate::store::{FindQuestionOutcome, RegisterOutcome, Store};

fn question(name: &str, timeout_s: Option<u32>) -> Question {
    Question {
        name: kind(name),
        description: Some(format!("Answers {name}")),
        args_schema: Some(json(r#"{"type":"object","maxProperties":1.0}"#)),
        result_schema: None,
        timeout_s,
    }
}

fn declaring<S: Store>(test: &TestContext<S>, provider: &str, questions: Vec<Question>) -> Registration {
    let mut registration = test.registration(provider);
    registration.runtimes[0].questions = Questions::try_from(questions).unwrap();
    registration
}

async fn declare<S: Store>(test: &TestContext<S>, questions: Vec<Question>, now: Timestamp) -> Runtime {
    test.register(&test.replica_a, declaring(test, "codex", questions), now).await
}

async fn find<S: Store>(test: &TestContext<S>, name: &str, now: Timestamp) -> FindQuestionOutcome {
    test.replica_b.find_question(test.runtime, kind(name), &test.caller, now).await.unwrap()
}

pub async fn finds_declared_question<S: Store>(test: TestContext<S>) {
    assert_eq!(find(&test, "uptime", test.start).await, FindQuestionOutcome::NotDeclared);
    declare(&test, vec![question("disk_usage", Some(7)), question("uptime", None)], test.at(1)).await;
    for (name, running) in [("disk_usage", 7), ("uptime", 60)] {
        let deadlines = Deadlines::of_seconds(30, running, 3_600);
        assert_eq!(find(&test, name, test.at(2)).await, FindQuestionOutcome::Found(deadlines));
    }
    assert_eq!(find(&test, "other", test.at(2)).await, FindQuestionOutcome::NotDeclared);
}

pub async fn registration_and_list_show_questions<S: Store>(test: TestContext<S>) {
    let declared = vec![question("disk_usage", Some(7)), question("uptime", None)];
    let registered = declare(&test, declared.clone(), test.at(1)).await;
    assert_eq!(registered.questions, Questions::try_from(declared).unwrap());
    assert_eq!(test.list_runtimes(test.at(1)).await, [registered]);
}

pub async fn registration_replaces_questions<S: Store>(test: TestContext<S>) {
    declare(&test, vec![question("disk_usage", None)], test.at(1)).await;
    let replaced = declare(&test, vec![question("uptime", None)], test.at(2)).await;
    assert_eq!(find(&test, "disk_usage", test.at(2)).await, FindQuestionOutcome::NotDeclared);
    assert!(matches!(find(&test, "uptime", test.at(2)).await, FindQuestionOutcome::Found(_)));
    assert_eq!(test.list_runtimes(test.at(2)).await, [replaced]);
}

pub async fn registration_without_questions_removes_them<S: Store>(test: TestContext<S>) {
    declare(&test, vec![question("disk_usage", None)], test.at(1)).await;
    let without = declare(&test, vec![], test.at(2)).await;
    assert!(without.questions.is_empty());
    assert_eq!(find(&test, "disk_usage", test.at(2)).await, FindQuestionOutcome::NotDeclared);
    assert_eq!(test.list_runtimes(test.at(2)).await, [without]);
}

pub async fn heartbeat_and_renewal_keep_questions<S: Store>(test: TestContext<S>) {
    declare(&test, vec![question("disk_usage", None)], test.start).await;
    let later = test.start + RUNTIME_RETENTION;
    test.open(&test.replica_a, later).await;
    test.replica_a.renew_listing(test.workspace, test.runtime, later).await.unwrap();
    let found = find(&test, "disk_usage", later + RUNTIME_RETENTION).await;
    assert!(matches!(found, FindQuestionOutcome::Found(_)));
    assert!(!test.list_runtimes(later).await[0].questions.is_empty());
}

/// The renewal creates no questions.
pub async fn renewal_declares_nothing<S: Store>(test: TestContext<S>) {
    test.replica_a.renew_listing(test.workspace, test.runtime, test.at(1)).await.unwrap();
    assert_eq!(find(&test, "disk_usage", test.at(1)).await, FindQuestionOutcome::NotDeclared);
}

pub async fn expired_runtime_declares_nothing<S: Store>(test: TestContext<S>) {
    declare(&test, vec![question("disk_usage", None)], test.start).await;
    let gone = test.start + RUNTIME_RETENTION + TICK;
    assert_eq!(find(&test, "disk_usage", gone).await, FindQuestionOutcome::RuntimeNotFound);
    let again = declare(&test, vec![], gone).await;
    assert!(again.questions.is_empty());
    assert_eq!(find(&test, "disk_usage", gone).await, FindQuestionOutcome::NotDeclared);
}

pub async fn forgotten_runtime_declares_nothing<S: Store>(test: TestContext<S>) {
    declare(&test, vec![question("disk_usage", None)], test.start).await;
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.unwrap();
    assert_eq!(find(&test, "disk_usage", test.at(1)).await, FindQuestionOutcome::RuntimeNotFound);
    let again = test.register(&test.replica_b, test.registration("codex"), test.at(2)).await;
    assert!(again.questions.is_empty());
    assert_eq!(find(&test, "disk_usage", test.at(2)).await, FindQuestionOutcome::NotDeclared);
}

/// The page ends before `limit`, and the next one continues.
pub async fn page_bounds_its_questions<S: Store>(test: TestContext<S>) {
    let large = Question { description: Some("x".repeat(QUESTIONS_BYTES - 100)), ..question("a", None) };
    let large = Question { args_schema: None, ..large };
    let questions = Questions::try_from(vec![large]).unwrap();
    let providers: Vec<_> = (0..39).map(|number| format!("agent-{number}")).collect();
    let mut registration = test.registration_of(providers.iter().map(String::as_str));
    for runtime in &mut registration.runtimes {
        runtime.questions = questions.clone();
    }
    let registered = test.replica_a.register(registration, test.namespace(), test.start).await.unwrap();
    assert!(matches!(registered, RegisterOutcome::Registered(_)));
    let mut listed = 0;
    let mut after = None;
    let mut pages = Vec::new();
    loop {
        let page = test.replica_b.list_runtimes(test.workspace, after, 500, test.start).await.unwrap();
        let bytes: usize = page.runtimes.iter().map(|runtime| runtime.questions.response_bytes()).sum();
        pages.push(bytes);
        let declaring = page.runtimes.iter().filter(|runtime| runtime.questions == questions).count();
        assert!(declaring + 1 >= page.runtimes.len(), "questions are missing");
        listed += page.runtimes.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((listed, pages.len()), (40, 2), "{pages:?}");
    assert!(pages.iter().all(|bytes| *bytes <= QUESTIONS_PER_PAGE_BYTES), "{pages:?}");
}
