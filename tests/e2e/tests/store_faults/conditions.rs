//! Each clause of each condition and filter left out of what the SDK sends, one by one: at least one case must fail then.
//! The clauses are collected from the suites' own traffic.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use doorbell_shared::store::conformance::{Replicas, Scene, cases};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault};
use futures_util::FutureExt as _;
use serde_json::Value;

use crate::ambiguous::findings;
use crate::expression::Expression;
use crate::operations::operations;
use crate::races::{Running, races};
use crate::taps::{Alter, Faulty};

/// What carries clauses.
const EXPRESSIONS: [&str; 2] = ["ConditionExpression", "FilterExpression"];

/// One expression of one call in our code, whatever values it is sent with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    operation: String,
    /// Tells two calls with the same condition apart.
    update: String,
    expression: &'static str,
    shape: String,
}

/// The expression in `asked`, if it has one, and where it stands.
fn site(operation: &str, asked: &Value) -> Option<(Site, Expression)> {
    let expression = EXPRESSIONS.into_iter().find(|name| asked.get(*name).is_some())?;
    let parsed = Expression::parse(asked[expression].as_str().unwrap());
    let update = asked["UpdateExpression"].as_str().unwrap_or_default().to_owned();
    let site = Site { operation: operation.to_owned(), update, expression, shape: parsed.shape() };
    Some((site, parsed))
}

/// Notes every expression that passes.
#[derive(Debug, Default)]
struct Collected(Mutex<BTreeMap<Site, Expression>>);

impl Alter for Collected {
    fn asked<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        self.0.lock().unwrap().extend(site(operation, &serde_json::from_slice(body).unwrap()));
        Cow::Borrowed(body)
    }
}

/// Leaves the `nth` clause out of one expression.
#[derive(Debug)]
struct Weakened {
    site: Site,
    nth: usize,
    /// Whether what was left is no request any more: then nothing is shown by a case that fails.
    malformed: AtomicBool,
}

impl Alter for Weakened {
    fn asked<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        let mut asked: Value = serde_json::from_slice(body).unwrap();
        match site(operation, &asked) {
            Some((site, expression)) if site == self.site => {
                let (_, rest) = expression.without_each().swap_remove(self.nth);
                let asked_for = asked.as_object_mut().unwrap();
                match rest {
                    Some(rest) => drop(asked_for.insert(site.expression.to_owned(), rest.to_string().into())),
                    None => drop(asked_for.remove(site.expression)),
                }
                drop_unused(&mut asked);
                Cow::Owned(asked.to_string().into_bytes())
            }
            _ => Cow::Borrowed(body),
        }
    }

    fn answer(&self, _operation: &str, body: String) -> String {
        self.malformed.fetch_or(body.contains("ValidationException"), Ordering::SeqCst);
        body
    }
}

/// DynamoDB refuses names and values that no expression uses.
fn drop_unused(asked: &mut Value) {
    let expressions = asked.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("Expression"));
    let used: BTreeSet<String> = expressions
        .flat_map(|(_, text)| {
            text.as_str().unwrap().split(|c: char| !(c.is_alphanumeric() || "#:_".contains(c)))
        })
        .map(str::to_owned)
        .collect();
    let asked = asked.as_object_mut().unwrap();
    for defined in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let Some(Value::Object(names)) = asked.get_mut(defined) else { continue };
        names.retain(|name, _| used.contains(name));
        if names.is_empty() {
            asked.remove(defined);
        }
    }
}

/// A case of a suite: whether it is kept when calls are altered so.
struct Case {
    name: String,
    run: Box<dyn Fn(EmbeddedDynamoDb, Arc<dyn Alter>) -> Running>,
}

/// The conformance suite, the lost answers, and what comes in between.
fn suites() -> Vec<Case> {
    let conformance = cases::<DynamoDbStore>().into_iter().map(|case| Case {
        name: case.name.to_owned(),
        run: Box::new(move |engine, alter| {
            Box::pin(async move {
                let store = || engine.store_with_interceptor(Arc::new(Faulty::new(None, Arc::clone(&alter))));
                let kept =
                    async { (case.run)(Scene::new(Replicas { here: store(), there: store() }).await).await };
                AssertUnwindSafe(kept).catch_unwind().await.is_ok()
            })
        }),
    });
    let lost_answers = operations().into_iter().map(|operation| Case {
        name: format!("answer lost: {}", operation.name),
        run: Box::new(move |engine, alter| {
            Box::pin(async move {
                let faults = [("answer lost", Fault::ResponseLost)];
                findings(&engine, operation, &faults, &alter).await.wrong.is_empty()
            })
        }),
    });
    let races = races().into_iter().map(|(name, race)| Case { name: name.to_owned(), run: Box::new(race) });
    conformance.chain(lost_answers).chain(races).collect()
}

/// Every expression there is, and the cases that send it.
async fn collect(engine: &EmbeddedDynamoDb, suites: &[Case]) -> BTreeMap<Site, (Expression, Vec<usize>)> {
    let mut sites = BTreeMap::<Site, (Expression, Vec<usize>)>::new();
    for (number, case) in suites.iter().enumerate() {
        let collected = Arc::new(Collected::default());
        assert!((case.run)(engine.clone(), Arc::<Collected>::clone(&collected) as _).await, "{}", case.name);
        let collected = std::mem::take(&mut *collected.0.lock().unwrap());
        for (site, expression) in collected {
            sites.entry(site).or_insert((expression, Vec::new())).1.push(number);
        }
    }
    sites
}

/// The first case that is not kept without that clause.
async fn caught_by<'s>(
    engine: &EmbeddedDynamoDb,
    suites: &'s [Case],
    cases: &[usize],
    site: &Site,
    nth: usize,
) -> Option<&'s str> {
    for case in cases {
        let weakened = Arc::new(Weakened { site: site.clone(), nth, malformed: AtomicBool::default() });
        let kept = (suites[*case].run)(engine.clone(), Arc::<Weakened>::clone(&weakened) as _).await;
        assert!(!weakened.malformed.load(Ordering::SeqCst), "{site:?} {nth}");
        if !kept {
            return Some(&suites[*case].name);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn each_clause_of_each_condition_is_needed() {
    let (engine, suites) = (EmbeddedDynamoDb::start().await.unwrap(), suites());
    let sites = collect(&engine, &suites).await;
    // Printed in one piece, because a case that fails says so on the way.
    let (mut table, mut tried, mut missed) = (String::new(), 0, Vec::new());
    for (site, (expression, cases)) in &sites {
        writeln!(table, "\n{} {} {}\n  {}", site.operation, site.update, site.expression, site.shape)
            .unwrap();
        for (nth, (clause, _)) in expression.without_each().into_iter().enumerate() {
            let caught = caught_by(&engine, &suites, cases, site, nth).await;
            writeln!(table, "    without {clause}\n        {}", caught.unwrap_or("NOT CAUGHT")).unwrap();
            tried += 1;
            if caught.is_none() {
                missed.push(format!("{site:?} without {clause}"));
            }
        }
    }
    println!(
        "{table}\n{} expressions, {tried} clauses left out, {} of them unnoticed",
        sites.len(),
        missed.len()
    );
    // A condition more is a figure more, here and in RELIABILITY.md; one less, and a suite does not reach it any more.
    assert_eq!((sites.len(), tried), (12, 41));
    assert_eq!(missed, [] as [String; 0]);
}
