//! Every operation of the store, each in the situations in which it makes different calls; but for the revocation of a
//! token, which says that there is none when it is asked for again.

use std::pin::Pin;
use std::sync::Arc;

use doorbell_protocol::InFlight;
use doorbell_shared::request::{ClaimFilter, Delivery, ErrorText, Payload, RequestOutcome, State};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::{
    ClaimOutcome, Deregister as _, Heartbeat as _, Initiate as _, InitiateOutcome, Poll as _, PollOutcome,
    Register as _, Report as _, ReportOutcome, Result, Runtimes as _, TokenStore as _,
};

use crate::stage::Stage;

/// What the stage is set with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// A request waits.
    Asked,
    /// A request was handed out.
    HandedOut,
    /// A token was issued.
    Issued,
}

type Asking = Pin<Box<dyn Future<Output = Result<String>>>>;

#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) before: Before,
    /// Seconds after the start.
    pub(crate) second: u64,
    /// Asks a store, and says what it answered, without what differs from stage to stage.
    pub(crate) ask: fn(Arc<Stage>, DynamoDbStore, u64) -> Asking,
}

/// `(name, before, second, |stage, store, now| answer)`.
macro_rules! operations {
    ($(($name:literal, $before:ident, $second:literal, |$stage:ident, $store:ident, $now:ident| $answer:expr)),* $(,)?) => {
        vec![$(Operation {
            name: $name,
            before: Before::$before,
            second: $second,
            ask: |$stage, $store, second| Box::pin(async move {
                let $now = $stage.scene.at(second);
                Ok($answer)
            }),
        }),*]
    };
}

pub(crate) fn operations() -> Vec<Operation> {
    operations![
        ("ring", Asked, 6, |stage, store, now| {
            initiated(store.initiate(stage.fresh, &stage.scene.allowed, now).await?)
        }),
        ("ring early", Asked, 0, |stage, store, now| {
            initiated(store.initiate(stage.fresh, &stage.scene.allowed, now).await?)
        }),
        ("poll", Asked, 6, |stage, store, now| {
            polled(store.poll(stage.asked.address, &stage.scene.allowed, now).await?)
        }),
        ("poll a lapse", Asked, 31, |stage, store, now| {
            polled(store.poll(stage.asked.address, &stage.scene.allowed, now).await?)
        }),
        ("poll a lapsed run", HandedOut, 61, |stage, store, now| {
            polled(store.poll(stage.asked.address, &stage.scene.allowed, now).await?)
        }),
        ("beat", Asked, 6, |stage, store, now| {
            format!("{:?}", store.beat(stage.scene.runtime, &stage.scene.allowed, now).await?)
        }),
        ("beat, listing due", Asked, 400_000, |stage, store, now| {
            format!("{:?}", store.beat(stage.scene.runtime, &stage.scene.allowed, now).await?)
        }),
        ("look for pending", Asked, 6, |stage, store, now| {
            store.look(stage.scene.runtime, &ClaimFilter::Pending, now).await?.len().to_string()
        }),
        ("look for undelivered", HandedOut, 6, |stage, store, now| {
            let looking = ClaimFilter::PendingOrLost(InFlight::default());
            store.look(stage.scene.runtime, &looking, now).await?.len().to_string()
        }),
        ("claim", Asked, 6, |stage, store, now| {
            claimed(&store.claim(stage.asked.address, Delivery::First, stage.claim, now).await?)
        }),
        ("claim in place of another", HandedOut, 6, |stage, store, now| {
            let State::Running(run) = stage.asked.state else { panic!("not running") };
            let again = Delivery::Redelivery { replaced: run.claim };
            claimed(&store.claim(stage.asked.address, again, stage.claim, now).await?)
        }),
        ("report", HandedOut, 6, |stage, store, now| {
            let answer = RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap());
            reported(store.report(stage.asked.address, &stage.scene.allowed, &answer, now).await?)
        }),
        ("report a long result", HandedOut, 6, |stage, store, now| {
            let answer = RequestOutcome::Completed(Payload::try_from("[]".repeat(10_000)).unwrap());
            reported(store.report(stage.asked.address, &stage.scene.allowed, &answer, now).await?)
        }),
        ("report a failure", Asked, 6, |stage, store, now| {
            let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
            reported(store.report(stage.asked.address, &stage.scene.allowed, &failure, now).await?)
        }),
        ("register", Asked, 6, |stage, store, now| {
            let runtime = store.register(stage.scene.registration("codex"), now).await?;
            format!("registered {:?} ago", now.since(runtime.registered_at))
        }),
        ("deregister", Asked, 6, |stage, store, now| {
            format!("{:?}", store.deregister(stage.scene.runtime, &stage.scene.allowed, now).await?)
        }),
        ("runtimes", Asked, 6, |stage, store, now| {
            store.runtimes(stage.scene.workspace, now).await?.len().to_string()
        }),
        ("token", Issued, 6, |stage, store, now| {
            format!("known {}", store.token(stage.token.hash, now).await?.is_some())
        }),
        ("issue", Asked, 6, |stage, store, _now| format!("{:?}", store.issue_token(&stage.token).await?)),
        ("tokens", Issued, 6, |stage, store, now| {
            store.tokens(stage.scene.workspace, now).await?.len().to_string()
        }),
    ]
}

fn initiated(initiated: InitiateOutcome) -> String {
    match initiated {
        InitiateOutcome::Enqueued(_) => "enqueued".to_owned(),
        refused => format!("{refused:?}"),
    }
}

fn polled(polled: PollOutcome) -> String {
    match polled {
        // Who wrote a lapse down cannot be told where every try of it lost its answer; what is shown is the same.
        PollOutcome::Found(request) | PollOutcome::TimedOut(request) => {
            request.state.status().as_str().to_owned()
        }
        PollOutcome::NotFound => "unknown".to_owned(),
    }
}

fn reported(reported: ReportOutcome) -> String {
    match reported {
        // Likewise.
        ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate => "recorded".to_owned(),
        other => format!("{other:?}"),
    }
}

fn claimed(claim: &ClaimOutcome) -> String {
    match claim {
        ClaimOutcome::Won(_) => "won".to_owned(),
        ClaimOutcome::Lost => "lost".to_owned(),
    }
}
