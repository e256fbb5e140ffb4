//! Every operation of the store, in each situation in which its calls differ. Revoking a token is missing: a retry finds no
//! token.

use std::pin::Pin;
use std::sync::Arc;

use doorbell_protocol::{InFlight, Timestamp};
use doorbell_shared::rate_limit::Charge;
use doorbell_shared::request::{ClaimFilter, Delivery, ErrorText, Payload, RequestOutcome, State};
use doorbell_shared::runtime::{Registration, Runtime};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::{
    ChargeOutcome, ClaimOutcome, FindTokenOutcome, ForgetOutcome, InitiateOutcome, PollOutcome,
    RegisterOutcome, ReportOutcome, Result, Store as _, TokenStore as _,
};

use crate::stage::Stage;

/// What was done before the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Rung,
    Claimed,
    TokenIssued,
    Charged,
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
            initiated(store.initiate(stage.fresh, &stage.context.caller, now).await?)
        }),
        ("ring early", Rung, 0, |stage, store, now| {
            initiated(store.initiate(stage.fresh, &stage.context.caller, now).await?)
        }),
        ("poll", Rung, 6, |stage, store, now| {
            polled(store.poll(stage.request.address, &stage.context.caller, now).await?)
        }),
        ("poll an expired request", Rung, 31, |stage, store, now| {
            polled(store.poll(stage.request.address, &stage.context.caller, now).await?)
        }),
        ("poll an expired lease", Claimed, 61, |stage, store, now| {
            polled(store.poll(stage.request.address, &stage.context.caller, now).await?)
        }),
        ("heartbeat", Rung, 6, |stage, store, now| {
            format!("{:?}", store.record_heartbeat(stage.context.runtime, &stage.context.caller, now).await?)
        }),
        ("renew listing", Rung, 400_000, |stage, store, now| {
            format!("{:?}", store.renew_listing(stage.context.workspace, stage.context.runtime, now).await?)
        }),
        ("list pending", Rung, 6, |stage, store, now| {
            store.list_claimable(stage.context.runtime, &ClaimFilter::Pending, now).await?.len().to_string()
        }),
        ("list lost", Claimed, 6, |stage, store, now| {
            let filter = ClaimFilter::PendingOrLost(InFlight::default());
            store.list_claimable(stage.context.runtime, &filter, now).await?.len().to_string()
        }),
        ("claim", Rung, 6, |stage, store, now| {
            claimed(
                &store
                    .claim(
                        stage.request.address,
                        &stage.context.caller,
                        Delivery::First,
                        stage.lease_token,
                        now,
                    )
                    .await?,
            )
        }),
        ("redeliver", Claimed, 6, |stage, store, now| {
            let State::Running(lease) = stage.request.state else { panic!("not running") };
            let redelivery = Delivery::Redelivery { lease: lease.token };
            claimed(
                &store
                    .claim(stage.request.address, &stage.context.caller, redelivery, stage.lease_token, now)
                    .await?,
            )
        }),
        ("report", Claimed, 6, |stage, store, now| {
            let result = RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap());
            reported(store.report(stage.request.address, &stage.context.caller, &result, now).await?)
        }),
        ("report a long result", Claimed, 6, |stage, store, now| {
            let result = RequestOutcome::Completed(Payload::try_from("[]".repeat(10_000)).unwrap());
            reported(store.report(stage.request.address, &stage.context.caller, &result, now).await?)
        }),
        ("report a failure", Rung, 6, |stage, store, now| {
            let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
            reported(store.report(stage.request.address, &stage.context.caller, &failure, now).await?)
        }),
        ("register", Rung, 6, |stage, store, now| {
            let registration = stage.context.registration("codex");
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register new runtimes", Rung, 6, |stage, store, now| {
            let registration = stage.context.registration_of(["codex", "opencode", "openai"]);
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("register in a new workspace", Rung, 6, |stage, store, now| {
            let workspace = stage.new_workspace;
            let registration = Registration { workspace, ..stage.context.registration("codex") };
            registered(&stage, &store.register(registration, stage.namespace, now).await?, now)
        }),
        ("deregister", Rung, 6, |stage, store, now| {
            format!("{:?}", store.deregister(stage.context.runtime, &stage.context.caller, now).await?)
        }),
        ("forget", Rung, 6, |stage, store, now| {
            forgotten(store.forget_runtime(stage.context.runtime, &stage.context.caller, now).await?)
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
        ("issue", Rung, 6, |stage, store, _now| format!("{:?}", store.issue_token(&stage.token).await?)),
        ("tokens", TokenIssued, 6, |stage, store, now| {
            store.list_tokens(stage.context.workspace, now).await?.len().to_string()
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
        InitiateOutcome::Enqueued(_) => "enqueued".to_owned(),
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

fn claimed(claim: &ClaimOutcome) -> String {
    match claim {
        ClaimOutcome::Won(_) => "won".to_owned(),
        ClaimOutcome::Lost => "lost".to_owned(),
    }
}
