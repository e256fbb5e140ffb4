//! Mutation of conditions: each clause of each condition and filter is removed from the SDK's requests, one at a time, and
//! at least one case must fail. The clauses are collected from the traffic of the suites.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use doorbell_shared::store::conformance::{Replicas, TestContext, cases};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault};
use futures_util::FutureExt as _;
use serde_json::Value;

use crate::store_faults::expression::Expression;
use crate::store_faults::faults::findings;
use crate::store_faults::injector::{FaultInjector, Rewrite};
use crate::store_faults::operations::operations;
use crate::store_faults::races::{Running, races};

/// Clauses at the end of a condition that not every call has. Conditions that differ in them only are one site.
const OPTIONAL: [&str; 3] =
    [" AND kind = :kind", " AND online_until > :now", " AND last_seen_at >= :registered_since"];

/// The clause of a caller with a bound token. Conditions with it and without it are one site.
const BOUND: &str = " AND daemon_id = :bound_daemon";

const EXPRESSIONS: [&str; 2] = ["ConditionExpression", "FilterExpression"];

/// One expression of one call of the store, without its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    operation: String,
    /// Distinguishes two calls with the same condition.
    update: String,
    expression: &'static str,
    shape: String,
}

/// The expressions of a request, each with the pointer to the part that has it: the whole request, or an action of a transaction.
fn sites(operation: &str, request: &Value) -> Vec<(Site, Expression, String)> {
    let actions = request["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let actions = actions.iter().enumerate().flat_map(|(place, item)| {
        item.as_object().unwrap().keys().map(move |action| format!("/TransactItems/{place}/{action}"))
    });
    [String::new()].into_iter().chain(actions).filter_map(|at| site(operation, request, at)).collect()
}

fn site(operation: &str, request: &Value, at: String) -> Option<(Site, Expression, String)> {
    let part = request.pointer(&at).unwrap();
    let expression = EXPRESSIONS.into_iter().find(|name| part.get(*name).is_some())?;
    let parsed = Expression::parse(part[expression].as_str().unwrap());
    let update = part["UpdateExpression"].as_str().unwrap_or_default().to_owned();
    let shape = parsed.shape().replacen(BOUND, "", 1);
    let shape = OPTIONAL.iter().find_map(|clause| shape.strip_suffix(clause)).unwrap_or(&shape).to_owned();
    Some((Site { operation: operation.to_owned(), update, expression, shape }, parsed, at))
}

/// Collects the clauses of every expression.
#[derive(Debug, Default)]
struct Collected(Mutex<BTreeMap<Site, BTreeSet<String>>>);

impl Rewrite for Collected {
    fn request<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        let found = sites(operation, &serde_json::from_slice(body).unwrap());
        let mut collected = self.0.lock().unwrap();
        for (site, expression, _) in found {
            let clauses = expression.without_each().into_iter().map(|(clause, _)| clause);
            collected.entry(site).or_default().extend(clauses);
        }
        Cow::Borrowed(body)
    }
}

/// Collects the length of the longest expression.
#[derive(Debug, Default)]
struct Longest(AtomicUsize);

impl Rewrite for Longest {
    fn request<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        let request: Value = serde_json::from_slice(body).unwrap();
        let fields = request.as_object().unwrap().iter();
        let expressions = fields.filter(|(name, _)| name.ends_with("Expression"));
        for (_, expression) in expressions {
            self.0.fetch_max(expression.as_str().unwrap().len(), Ordering::SeqCst);
        }
        Cow::Borrowed(body)
    }
}

/// AWS, "Service, account, and table quotas in Amazon DynamoDB": the maximum length of any expression string is 4 KB.
const MAX_EXPRESSION: usize = 4 * 1024;

#[tokio::test(start_paused = true)]
async fn largest_caller_fits_into_every_expression() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let suites = suites();
    let case = suites.iter().find(|case| case.name == "isolation::accepts_caller_in_250_workspaces").unwrap();
    let longest = Arc::new(Longest::default());
    assert!(case.passes(&engine, Arc::<Longest>::clone(&longest) as _).await);
    let longest = longest.0.load(Ordering::SeqCst);
    println!("the longest expression of a caller in 250 workspaces has {longest} bytes of {MAX_EXPRESSION}");
    assert!(longest > 1_000, "the case sends no list of workspaces");
    assert!(longest <= MAX_EXPRESSION / 2, "{longest}: half is left for other clauses");
}

/// Removes one clause of one expression.
#[derive(Debug)]
struct Weakened {
    site: Site,
    clause: String,
    /// Whether the rest is not a valid request, so that a failed case proves nothing.
    malformed: AtomicBool,
}

impl Rewrite for Weakened {
    fn request<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        let mut request: Value = serde_json::from_slice(body).unwrap();
        let mut found = sites(operation, &request).into_iter();
        let Some((_, expression, at)) = found.find(|(site, ..)| *site == self.site) else {
            return Cow::Borrowed(body);
        };
        let mut without = expression.without_each().into_iter();
        let Some((_, rest)) = without.find(|(clause, _)| *clause == self.clause) else {
            return Cow::Borrowed(body);
        };
        let part = request.pointer_mut(&at).unwrap();
        let fields = part.as_object_mut().unwrap();
        match rest {
            Some(rest) => drop(fields.insert(self.site.expression.to_owned(), rest.to_string().into())),
            None => drop(fields.remove(self.site.expression)),
        }
        drop_unused(part);
        Cow::Owned(request.to_string().into_bytes())
    }

    fn response(&self, _operation: &str, body: String) -> String {
        self.malformed.fetch_or(body.contains("ValidationException"), Ordering::SeqCst);
        body
    }
}

/// DynamoDB rejects unused names and values.
fn drop_unused(request: &mut Value) {
    let expressions = request.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("Expression"));
    let used: BTreeSet<String> = expressions
        .flat_map(|(_, text)| {
            text.as_str().unwrap().split(|c: char| !(c.is_alphanumeric() || "#:_".contains(c)))
        })
        .map(str::to_owned)
        .collect();
    let request = request.as_object_mut().unwrap();
    for defined in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let Some(Value::Object(names)) = request.get_mut(defined) else { continue };
        names.retain(|name, _| used.contains(name));
        if names.is_empty() {
            request.remove(defined);
        }
    }
}

/// A case of a suite, and whether it passes with rewritten calls.
struct Case {
    name: String,
    run: Box<dyn Fn(EmbeddedDynamoDb, Arc<dyn Rewrite>) -> Running>,
}

impl Case {
    async fn passes(&self, engine: &EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
        AssertUnwindSafe((self.run)(engine.clone(), rewrite)).catch_unwind().await.unwrap_or(false)
    }
}

/// Races, the conformance suite, and lost responses. The first that fails is enough: races are specific, and lost responses take longest.
fn suites() -> Vec<Case> {
    let conformance = cases::<DynamoDbStore>().into_iter().map(|case| Case {
        name: case.name.to_owned(),
        run: Box::new(move |engine, rewrite| {
            Box::pin(async move {
                let store = || {
                    engine.store_with_interceptor(Arc::new(FaultInjector::new(None, Arc::clone(&rewrite))))
                };
                (case.run)(TestContext::new(Replicas { replica_a: store(), replica_b: store() }).await).await;
                true
            })
        }),
    });
    let lost_responses = operations().into_iter().map(|operation| Case {
        name: format!("response lost: {}", operation.name),
        run: Box::new(move |engine, rewrite| {
            Box::pin(async move {
                let faults = [("response lost", Fault::ResponseLost)];
                findings(&engine, operation, &faults, &rewrite).await.wrong.is_empty()
            })
        }),
    });
    let races = races().into_iter().map(|(name, race)| Case { name: name.to_owned(), run: Box::new(race) });
    races.chain(conformance).chain(lost_responses).collect()
}

/// The clauses of every expression, and the cases that send it.
async fn collect(
    engine: &EmbeddedDynamoDb,
    suites: &[Case],
) -> BTreeMap<Site, (BTreeSet<String>, Vec<usize>)> {
    let mut sites = BTreeMap::<Site, (BTreeSet<String>, Vec<usize>)>::new();
    for (number, case) in suites.iter().enumerate() {
        let collected = Arc::new(Collected::default());
        assert!(case.passes(engine, Arc::<Collected>::clone(&collected) as _).await, "{}", case.name);
        let collected = std::mem::take(&mut *collected.0.lock().unwrap());
        for (site, of_case) in collected {
            let (clauses, cases) = sites.entry(site).or_default();
            clauses.extend(of_case);
            cases.push(number);
        }
    }
    sites
}

/// The first case that fails without the clause.
async fn caught_by(
    engine: &EmbeddedDynamoDb,
    suites: &[Case],
    cases: &[usize],
    site: &Site,
    clause: &str,
) -> Option<usize> {
    for case in cases {
        let weakened =
            Weakened { site: site.clone(), clause: clause.to_owned(), malformed: AtomicBool::default() };
        let weakened = Arc::new(weakened);
        let passes = suites[*case].passes(engine, Arc::<Weakened>::clone(&weakened) as _).await;
        assert!(!weakened.malformed.load(Ordering::SeqCst), "{site:?} {clause}");
        if !passes {
            return Some(*case);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn every_clause_is_needed() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let suites = suites();
    let mut sites = collect(&engine, &suites).await;
    // Printed at the end, because failing cases print too.
    let mut table = String::new();
    let mut tried = 0;
    let mut missed = Vec::new();
    let mut catches = vec![0; suites.len()];
    for (site, (clauses, cases)) in &mut sites {
        writeln!(table, "\n{} {} {}\n  {}", site.operation, site.update, site.expression, site.shape)
            .unwrap();
        for clause in &*clauses {
            // Sites have clauses in common, and often one case catches them at each of them.
            cases.sort_by_key(|case| Reverse(catches[*case]));
            let caught = caught_by(&engine, &suites, cases, site, clause).await;
            let name = caught.map_or("NOT CAUGHT", |case| &suites[case].name);
            writeln!(table, "    without {clause}\n        {name}").unwrap();
            tried += 1;
            match caught {
                Some(case) => catches[case] += 1,
                None => missed.push(format!("{site:?} without {clause}")),
            }
        }
    }
    println!("{table}\n{} expressions, {tried} clauses removed, {} not caught", sites.len(), missed.len());
    // Fewer: a suite no longer reaches an expression. More: update these numbers and docs/testing.md.
    assert_eq!((sites.len(), tried), (29, 88));
    assert_eq!(missed, [] as [String; 0]);
}
