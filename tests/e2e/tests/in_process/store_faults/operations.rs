//! Every operation of the store, in each situation in which its calls differ. Revoking a token is missing: a retry finds no
//! token.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::presence::{HeartbeatChannel, Presence};
use doorbell_shared::rate_limit::Charge;
use doorbell_shared::request::{
    ClaimFilter, ErrorText, KindFilter, OpenRequest, Payload, RequestOutcome, Ring,
};
use doorbell_shared::runtime::{Registration, Runtime};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::{
    CancelOutcome, ChargeOutcome, ClaimOutcome, FindSnapshotOutcome, FindTokenOutcome, ForgetOutcome,
    HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome, RecordedHeartbeat, RedeemOutcome,
    RegisterOutcome, ReminderOutcome, ReportOutcome, Result, Store as _, TokenStore as _,
};

use crate::store_faults::stage::{Stage, USED_KEY};

/// What was done before the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Rung,
    /// The runtime had a push lease, so its daemon was notified.
    Leased,
    Claimed,
    /// The runtime declares a question.
    Declared,
    /// As many requests as may be open, all of which have expired.
    Full,
    TokenIssued,
    /// There is a code, which was not redeemed.
    Enrolled,
    /// The code was redeemed, and the response was lost.
    Redeemed,
    Charged,
    /// A report of an earlier request is in the catalog.
    Listed,
}

type Running = Pin<Box<dyn Future<Output = Result<String>>>>;

#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) before: Before,
    /// Seconds after the start.
    pub(crate) second: u64,
    /// Runs on a store; describes the outcome without ids and times.
    pub(crate) run: fn(Arc<Stage>, DynamoDbStore, u64) -> Running,
}

/// `(name, before, second, |stage, store, now| outcome)`.
macro_rules! operations {
    ($(($name:literal, $before:ident, $second:literal, |$stage:ident, $store:ident, $now:ident| $outcome:expr)),* $(,)?) => {
        vec![$(Operation {
            name: $name,
            before: Before::$before,
            second: $second,
            run: |$stage, $store, second| Box::pin(async move {
                let $now = $stage.context.at(second);
                Ok($outcome)
            }),
        }),*]
    };
}

pub(crate) fn operations() -> Vec<Operation> {
    operations![
        ("ring", Rung, 6, |stage, store, now| {
            initiated(store.initiate(&stage.ring, &stage.context.caller, now).await?)
        }),
        ("ring early", Rung, 0, |stage, store, now| {
            initiated(store.initiate(&stage.ring, &stage.context.caller, now).await?)
        }),
        ("ring an offline runtime", Rung, 100, |stage, store, now| {
            let deadlines = stage.ring.deadlines.with_queue(Duration::from_secs(3_600));
            let ring = Ring { deadlines, ..stage.ring.clone() };
            initiated(store.initiate(&ring, &stage.context.caller, now).await?)
        }),
        ("ring a full queue", Full, 40, |stage, store, now| {
            initiated(store.initiate(&stage.ring, &stage.context.caller, now).await?)
        }),
        ("join", Rung, 6, |stage, store, now| {
            let ring = Ring { joins: true, ..stage.ring.clone() };
            initiated(store.initiate(&ring, &stage.context.caller, now).await?)
        }),
        ("ring with a key", Rung, 6, |stage, store, now| {
            let ring = Ring { idempotency_key: Some("new".parse().unwrap()), ..stage.ring.clone() };
            initiated(store.initiate(&ring, &stage.context.caller, now).await?)
        }),
        ("ring with a used key", Rung, 6, |stage, store, now| {
            let ring = Ring { idempotency_key: Some(USED_KEY.parse().unwrap()), ..stage.ring.clone() };
            initiated(store.initiate(&ring, &stage.context.caller, now).await?)
        }),
        ("find a question", Declared, 6, |stage, store, now| {
            let kind = "disk_usage".parse().unwrap();
            let caller = &stage.context.caller;
            format!("{:?}", store.find_question(stage.context.runtime, kind, caller, now).await?)
        }),
        ("poll", Rung, 6, |stage, store, now| {
            polled(store.poll(stage.request.address, KindFilter::Any, &stage.context.caller, now).await?)
        }),
        ("poll an expired request", Rung, 31, |stage, store, now| {
            polled(store.poll(stage.request.address, KindFilter::Any, &stage.context.caller, now).await?)
        }),
        ("poll an expired lease", Claimed, 61, |stage, store, now| {
            polled(store.poll(stage.request.address, KindFilter::Any, &stage.context.caller, now).await?)
        }),
        ("ring a leased runtime", Leased, 6, |stage, store, now| {
            initiated(store.initiate(&stage.ring, &stage.context.caller, now).await?)
        }),
        ("ring with a key and a lease", Leased, 6, |stage, store, now| {
            let ring = Ring { idempotency_key: Some("new".parse().unwrap()), ..stage.ring.clone() };
            initiated(store.initiate(&ring, &stage.context.caller, now).await?)
        }),
        ("heartbeat", Rung, 6, |stage, store, now| {
            let caller = &stage.context.caller;
            beaten(store.record_heartbeat(stage.context.runtime, caller, HeartbeatChannel::Plain, now).await?)
        }),
        ("heartbeat of a bound token", Leased, 6, |stage, store, now| {
            let caller = stage.bound_caller();
            beaten(
                store.record_heartbeat(stage.context.runtime, &caller, HeartbeatChannel::Plain, now).await?,
            )
        }),
        ("heartbeat without push", Leased, 6, |stage, store, now| {
            let caller = &stage.context.caller;
            beaten(store.record_heartbeat(stage.context.runtime, caller, HeartbeatChannel::Plain, now).await?)
        }),
        ("heartbeat with push", Leased, 6, |stage, store, now| {
            let caller = &stage.context.caller;
            beaten(
                store
                    .record_heartbeat(stage.context.runtime, caller, HeartbeatChannel::Connected, now)
                    .await?,
            )
        }),
        ("give a lease", Rung, 6, |stage, store, now| {
            let seen = Presence::plain(stage.context.start).online_until;
            let client = Some(stage.context.client("daemon"));
            let presence = Presence { online_until: stage.context.at(3_600), client };
            replaced(store.replace_presence(stage.context.runtime, seen, &presence, now).await?)
        }),
        ("end a lease", Leased, 6, |stage, store, now| {
            let lease = stage.lease.clone().unwrap();
            let ended = lease.ended(now);
            replaced(store.replace_presence(stage.context.runtime, lease.until, &ended, now).await?)
        }),
        ("record a connection", Rung, 6, |stage, store, now| {
            let client = stage.context.client("daemon");
            format!("{:?}", store.record_connection(&client, &[stage.context.runtime], now).await?)
        }),
        ("find leases", Leased, 6, |stage, store, now| {
            store.find_leases(&stage.context.client("daemon"), now).await?.len().to_string()
        }),
        ("take a reminder", Leased, 6, |stage, store, now| {
            let outcome = store.take_reminder(&stage.request, now).await?;
            format!("taken {}", matches!(outcome, ReminderOutcome::Taken(_)))
        }),
        ("renew listing", Rung, 400_000, |stage, store, now| {
            format!("{:?}", store.renew_listing(stage.context.workspace, stage.context.runtime, now).await?)
        }),
        ("renew listing and questions", Declared, 400_000, |stage, store, now| {
            format!("{:?}", store.renew_listing(stage.context.workspace, stage.context.runtime, now).await?)
        }),
        ("claim", Rung, 6, |stage, store, now| {
            let address = stage.request.address;
            let caller = &stage.context.caller;
            claimed(&store.claim(address, caller, ClaimFilter::Pending, stage.lease_token, now).await?)
        }),
        ("claim pending or lost", Rung, 6, |stage, store, now| {
            let address = stage.request.address;
            let caller = &stage.context.caller;
            claimed(&store.claim(address, caller, ClaimFilter::PendingOrLost, stage.lease_token, now).await?)
        }),
        ("redeliver", Claimed, 6, |stage, store, now| {
            let address = stage.request.address;
            let caller = &stage.context.caller;
            claimed(&store.claim(address, caller, ClaimFilter::PendingOrLost, stage.lease_token, now).await?)
        }),
        ("remove from open set", Rung, 31, |stage, store, _now| {
            let ended = [OpenRequest::of(&stage.request)];
            format!("{:?}", store.remove_open(stage.context.runtime, &ended).await?)
        }),
        ("find cancelled", Rung, 6, |stage, store, now| {
            let asked = [stage.request.address.request];
            format!("{:?}", store.find_cancelled(stage.context.runtime, &asked, now).await?)
        }),
        ("progress", Claimed, 6, |stage, store, now| {
            let address = stage.request.address;
            let caller = &stage.context.caller;
            format!("{:?}", store.report_progress(address, caller, &"1".parse().unwrap(), now).await?)
        }),
        ("cancel", Rung, 6, |stage, store, now| {
            cancelled(store.cancel(stage.request.address, KindFilter::Any, &stage.context.caller, now).await?)
        }),
        ("cancel a running request", Claimed, 6, |stage, store, now| {
            let only = KindFilter::Only(stage.request.kind);
            cancelled(store.cancel(stage.request.address, only, &stage.context.caller, now).await?)
        }),
        ("cancel an expired request", Rung, 31, |stage, store, now| {
            cancelled(store.cancel(stage.request.address, KindFilter::Any, &stage.context.caller, now).await?)
        }),
        ("report", Claimed, 6, |stage, store, now| {
            let result = RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap());
            reported(
                store
                    .report(
                        stage.request.address,
                        KindFilter::Any,
                        &stage.context.caller,
                        &result,
                        CatalogUpdate::Keep,
                        now,
                    )
                    .await?,
            )
        }),
        ("report a long result", Claimed, 6, |stage, store, now| {
            let result = RequestOutcome::Completed(Payload::try_from("[]".repeat(10_000)).unwrap());
            reported(
                store
                    .report(
                        stage.request.address,
                        KindFilter::Any,
                        &stage.context.caller,
                        &result,
                        CatalogUpdate::Keep,
                        now,
                    )
                    .await?,
            )
        }),
        ("report a failure", Rung, 6, |stage, store, now| {
            let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
            reported(
                store
                    .report(
                        stage.request.address,
                        KindFilter::Any,
                        &stage.context.caller,
                        &failure,
                        CatalogUpdate::Keep,
                        now,
                    )
                    .await?,
            )
        }),
        ("report with a bound token", Claimed, 6, |stage, store, now| {
            let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
            let (address, caller) = (stage.request.address, stage.bound_caller());
            reported(
                store.report(address, KindFilter::Any, &caller, &failure, CatalogUpdate::Keep, now).await?,
            )
        }),
        ("report a first snapshot", Claimed, 6, |stage, store, now| {
            reported(report_list(&stage, &store, CatalogUpdate::Replace, "[1]", now).await?)
        }),
        ("report a snapshot", Listed, 6, |stage, store, now| {
            reported(report_list(&stage, &store, CatalogUpdate::Replace, "[1]", now).await?)
        }),
        ("report a long snapshot", Listed, 6, |stage, store, now| {
            let long = "[]".repeat(10_000);
            reported(report_list(&stage, &store, CatalogUpdate::Replace, &long, now).await?)
        }),
        ("report an empty list", Listed, 6, |stage, store, now| {
            reported(report_list(&stage, &store, CatalogUpdate::Delete, "[]", now).await?)
        }),
        ("find a snapshot", Listed, 6, |stage, store, now| {
            let key = "unused".parse().unwrap();
            let (runtime, kind, caller) = (stage.context.runtime, stage.request.kind, &stage.context.caller);
            match store.find_snapshot(runtime, kind, Some(&key), caller, now).await? {
                FindSnapshotOutcome::Found(snapshot, open) => format!("{:?} {}", snapshot.result, open.len()),
                FindSnapshotOutcome::NotFound => "not found".to_owned(),
            }
        }),
        ("register", Rung, 6, |stage, store, now| {
            let registration = stage.context.registration("codex");
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register new runtimes", Rung, 6, |stage, store, now| {
            let registration = stage.context.registration_of(["codex", "opencode", "openai"]);
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register with questions", Rung, 6, |stage, store, now| {
            let registration = stage.declaring();
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register without questions", Declared, 6, |stage, store, now| {
            let registration = stage.context.registration("codex");
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register in a new workspace", Rung, 6, |stage, store, now| {
            let workspace = stage.new_workspace;
            let registration = Registration { workspace, ..stage.context.registration("codex") };
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register a leased runtime", Leased, 6, |stage, store, now| {
            let registration = stage.context.registration("codex");
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("deregister", Rung, 6, |stage, store, now| {
            format!("{:?}", store.deregister(stage.context.runtime, &stage.context.caller, now).await?)
        }),
        ("deregister a leased runtime", Leased, 6, |stage, store, now| {
            format!("{:?}", store.deregister(stage.context.runtime, &stage.context.caller, now).await?)
        }),
        ("forget", Rung, 6, |stage, store, now| {
            forgotten(store.forget_runtime(stage.context.runtime, &stage.context.caller, now).await?)
        }),
        ("forget with questions", Declared, 6, |stage, store, now| {
            forgotten(store.forget_runtime(stage.context.runtime, &stage.context.caller, now).await?)
        }),
        ("runtimes with questions", Declared, 6, |stage, store, now| {
            let page = store.list_runtimes(stage.context.workspace, None, 1, now).await?;
            page.runtimes.iter().map(|runtime| runtime.questions.iter().count()).sum::<usize>().to_string()
        }),
        ("runtimes", Rung, 6, |stage, store, now| {
            store.list_runtimes(stage.context.workspace, None, 1, now).await?.runtimes.len().to_string()
        }),
        ("token", TokenIssued, 6, |stage, store, now| {
            let found = store.find_token(stage.token.hash, now).await?;
            format!("found {}", matches!(found, FindTokenOutcome::Found(_)))
        }),
        ("token use", TokenIssued, 6, |stage, store, now| {
            format!("{:?}", store.record_token_use(stage.token.hash, now).await?)
        }),
        ("record a connection of a token", TokenIssued, 6, |stage, store, now| {
            let client = stage.context.client("daemon");
            format!("{:?}", store.record_token_connection(stage.token.hash, &client, now).await?)
        }),
        ("connections of a token", TokenIssued, 6, |stage, store, _now| {
            store.find_token_connections(stage.token.hash).await?.len().to_string()
        }),
        ("issue", Rung, 6, |stage, store, _now| format!("{:?}", store.issue_token(&stage.token).await?)),
        ("tokens", TokenIssued, 6, |stage, store, now| {
            store.list_tokens(stage.context.workspace, now).await?.len().to_string()
        }),
        ("create an enrolment", Rung, 6, |stage, store, _now| {
            format!("{:?}", store.create_enrolment(&stage.enrolment).await?)
        }),
        ("redeem", Enrolled, 6, |stage, store, now| {
            let Stage { enrolment, redeeming, .. } = &*stage;
            redeemed(store.redeem_enrolment(enrolment.hash, &stage.daemon, redeeming, now).await?)
        }),
        ("redeem again", Redeemed, 6, |stage, store, now| {
            let Stage { enrolment, redeeming, .. } = &*stage;
            redeemed(store.redeem_enrolment(enrolment.hash, &stage.daemon, redeeming, now).await?)
        }),
        ("charge", Rung, 0, |stage, store, now| charged(store.charge(&stage.charge, now).await?)),
        ("charge early", Charged, 0, |stage, store, now| charged(store.charge(&stage.charge, now).await?)),
        ("charge early, TAT known", Charged, 0, |stage, store, now| {
            let known_tat = Some(now + stage.charge.rate.interval);
            charged(store.charge(&Charge { known_tat, ..stage.charge }, now).await?)
        }),
    ]
}

fn initiated(outcome: InitiateOutcome) -> String {
    match outcome {
        InitiateOutcome::Enqueued(_, lease) => format!("enqueued, with a lease {}", lease.is_some()),
        InitiateOutcome::Existing(_) => "existing".to_owned(),
        rejected => format!("{rejected:?}"),
    }
}

fn charged(outcome: ChargeOutcome) -> String {
    match outcome {
        ChargeOutcome::Charged { .. } => "charged".to_owned(),
        ChargeOutcome::RateLimited { limited, .. } => format!("{limited:?}"),
    }
}

fn polled(outcome: PollOutcome) -> String {
    match outcome {
        // When every response is lost, the store cannot determine which poll wrote the timeout. The record is the same.
        PollOutcome::Found(request) | PollOutcome::TimedOut(request) => {
            request.state.status().as_str().to_owned()
        }
        PollOutcome::NotFound => "not found".to_owned(),
    }
}

fn reported(outcome: ReportOutcome) -> String {
    match outcome {
        // The same for a report.
        ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate => "recorded".to_owned(),
        other => format!("{other:?}"),
    }
}

fn redeemed(outcome: RedeemOutcome) -> String {
    match outcome {
        RedeemOutcome::Redeemed(record) => format!("redeemed for {}", record.subject),
        RedeemOutcome::NotFound => "not found".to_owned(),
    }
}

fn forgotten(outcome: ForgetOutcome) -> String {
    match outcome {
        // After an error, a second call may find that the first one has deleted the runtime. None is listed either way.
        ForgetOutcome::Forgotten | ForgetOutcome::NotFound => "forgotten".to_owned(),
    }
}

fn registered(stage: &Stage, outcome: &RegisterOutcome, now: Timestamp) -> String {
    let RegisterOutcome::Registered(runtimes) = outcome else { return format!("{outcome:?}") };
    let describe = |runtime: &Runtime| {
        let age = now.since(runtime.registered_at);
        let is_in_namespace =
            runtime.id == stage.namespace.runtime_id("daemon", runtime.provider.as_str(), "");
        format!("{} registered {age:?} ago, in the offered namespace: {is_in_namespace}", runtime.provider)
    };
    runtimes.iter().map(describe).collect::<Vec<_>>().join("; ")
}

async fn report_list(
    stage: &Stage,
    store: &DynamoDbStore,
    update: CatalogUpdate,
    list: &str,
    now: Timestamp,
) -> Result<ReportOutcome> {
    let outcome = RequestOutcome::Completed(Payload::try_from(list.to_owned()).unwrap());
    let (address, caller) = (stage.request.address, &stage.context.caller);
    store.report(address, KindFilter::Any, caller, &outcome, update, now).await
}

fn claimed(claim: &ClaimOutcome) -> String {
    match claim {
        ClaimOutcome::Won(_) => "won".to_owned(),
        other => format!("{other:?}"),
    }
}

fn cancelled(outcome: CancelOutcome) -> String {
    match outcome {
        // As for a report.
        CancelOutcome::Cancelled(request) | CancelOutcome::Ended(request) => format!("{:?}", request.state),
        CancelOutcome::NotFound => "not found".to_owned(),
    }
}

fn beaten(outcome: HeartbeatOutcome) -> String {
    match outcome {
        HeartbeatOutcome::Recorded(RecordedHeartbeat { open, presence, listing_is_due, .. }) => {
            let is_leased = presence.client.is_some();
            format!("{} open, leased {is_leased}, listing due {listing_is_due}", open.len())
        }
        other => format!("{other:?}"),
    }
}

fn replaced(outcome: PresenceOutcome) -> String {
    match outcome {
        PresenceOutcome::Replaced(open) => format!("replaced, {} open", open.len()),
        PresenceOutcome::Changed => "changed".to_owned(),
    }
}
