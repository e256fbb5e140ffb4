//! Enrolment: a machine redeems a code and loses answers, while another machine tries the same code.
//!
//! The store operation is the real one; the function adds no other call to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::Scope;
use doorbell_protocol::limits::REDEMPTION_RETRY;
use doorbell_shared::enrolment::{CODE_BYTES, Enrolment, EnrolmentCode, EnrolmentHash};
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::{FindTokenOutcome, RedeemOutcome};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};

use crate::context::{Bug, Context, SharedStore};
use crate::history::{Redemption, RedemptionAnswer};
use crate::request_history::{Invariant, Violation};
use crate::seeded::at;

/// How many codes are created, one after the other.
const CODES: usize = 4;

/// How long a code is valid.
const VALID: Duration = Duration::from_secs(600);

const MACHINE: &str = "new laptop";
const THIEF: &str = "thief";

/// Creates codes, and lets machines redeem each.
pub(crate) async fn run_enrolments<S: SharedStore>(context: Arc<Context<S>>) {
    for code in 0..CODES {
        context.environment.sleep(0..15_000).await;
        context.environment.sleep_through_outage().await;
        let hash = create(&context).await;
        tokio::join!(redeem_until_answered(&context, code, hash), steal(&context, code, hash));
    }
}

async fn create<S: SharedStore>(context: &Arc<Context<S>>) -> EnrolmentHash {
    let environment = &context.environment;
    let now = at(i64::try_from(environment.clock.elapsed_ms()).unwrap());
    let mut random = [0; CODE_BYTES];
    random.copy_from_slice(&environment.rng.bits().to_be_bytes()[..CODE_BYTES]);
    let hash = EnrolmentCode::new(random).hash();
    let enrolment = Enrolment {
        hash,
        workspace: WORKSPACE_A.parse().unwrap(),
        subject: None,
        created_at: now,
        expires_at: now + VALID,
        redemption: None,
    };
    while context.store.create_enrolment(&enrolment).await.is_err() {}
    hash
}

/// As `doorbell join` does: again after a lost answer, for as long as the code may be redeemed again.
async fn redeem_until_answered<S: SharedStore>(context: &Arc<Context<S>>, code: usize, hash: EnrolmentHash) {
    let environment = &context.environment;
    environment.sleep(0..2_000).await;
    let began = environment.clock.elapsed_ms();
    while u128::from(environment.clock.elapsed_ms() - began) < REDEMPTION_RETRY.as_millis() {
        if redeem(context, code, hash, MACHINE).await {
            return;
        }
        environment.sleep(100..5_000).await;
    }
}

/// Often before the machine.
async fn steal<S: SharedStore>(context: &Arc<Context<S>>, code: usize, hash: EnrolmentHash) {
    for _ in 0..context.environment.rng.number(1..4) {
        context.environment.sleep(500..8_000).await;
        redeem(context, code, hash, THIEF).await;
    }
}

/// One redemption for a new token. Returns whether it was answered.
async fn redeem<S: SharedStore>(
    context: &Arc<Context<S>>,
    code: usize,
    hash: EnrolmentHash,
    daemon: &'static str,
) -> bool {
    let environment = &context.environment;
    let token = Token::new(Scope::Daemon, &format!("{:x}", environment.rng.bits()));
    let answer = RedemptionAnswer::Lost;
    let redemption = Redemption { code, daemon, token: token.hash(), answer, is_valid: false };
    let number = environment.history().redemptions.len();
    environment.history().redemptions.push(redemption);
    let daemon_id = ShortText::try_from(daemon.to_owned()).unwrap();
    let skew = context.environment.plan.skews[context.any_instance()];
    let now = at(i64::try_from(environment.clock.elapsed_ms()).unwrap() + skew);
    let redeem = |store: S| async move { store.redeem_enrolment(hash, &daemon_id, &token, now).await };
    let outcome = context.faulty_store(None).access(redeem).await;
    if let (Ok(RedeemOutcome::Redeemed(record)), Some(Bug::TokenKept)) = (&outcome, context.bug) {
        keep_earlier(context, record, number).await;
    }
    let answer = match outcome {
        Ok(RedeemOutcome::Redeemed(_)) => RedemptionAnswer::Redeemed,
        Ok(RedeemOutcome::NotFound) => RedemptionAnswer::NotFound,
        Err(_) => RedemptionAnswer::Lost,
    };
    environment.history().redemptions[number].answer = answer;
    answer != RedemptionAnswer::Lost
}

/// The bug: the tokens of earlier redemptions by the same daemon stay valid.
async fn keep_earlier<S: SharedStore>(context: &Arc<Context<S>>, record: &TokenRecord, number: usize) {
    let redemptions = context.environment.history().redemptions.clone();
    let of_code = |earlier: &&Redemption| {
        earlier.code == redemptions[number].code && earlier.daemon == redemptions[number].daemon
    };
    for earlier in redemptions[..number].iter().filter(of_code) {
        let record = TokenRecord { hash: earlier.token, ..record.clone() };
        while context.store.issue_token(&record).await.is_err() {}
    }
}

/// Looks up every token of a redemption, after the end of all others.
pub(crate) async fn find_valid_tokens<S: SharedStore>(context: &Arc<Context<S>>) {
    let tokens: Vec<TokenHash> =
        context.environment.history().redemptions.iter().map(|redemption| redemption.token).collect();
    let now = at(i64::try_from(context.environment.clock.elapsed_ms()).unwrap());
    for (number, token) in tokens.into_iter().enumerate() {
        let found = loop {
            // The engine's calls may fail.
            if let Ok(found) = context.store.find_token(token, now).await {
                break found;
            }
        };
        context.environment.history().redemptions[number].is_valid =
            matches!(found, FindTokenOutcome::Found(_));
    }
}

/// A code has one valid token: that of the last answered redemption, or of one whose answer was lost.
pub(crate) fn check(redemptions: &[Redemption], violations: &mut Vec<Violation>) {
    let mut by_code = BTreeMap::<usize, Vec<&Redemption>>::new();
    for redemption in redemptions {
        by_code.entry(redemption.code).or_default().push(redemption);
    }
    for (code, redemptions) in by_code {
        let redeemed = |redemption: &&&Redemption| redemption.answer == RedemptionAnswer::Redeemed;
        let answered: Vec<_> = redemptions.iter().filter(redeemed).collect();
        let daemons: BTreeSet<&str> = answered.iter().map(|redemption| redemption.daemon).collect();
        let valid: Vec<_> = redemptions.iter().filter(|redemption| redemption.is_valid).collect();
        let is_last = |redemption: &Redemption| {
            answered.last().is_none_or(|last| last.token == redemption.token)
                || redemption.answer == RedemptionAnswer::Lost
        };
        let is_one = valid.len() == 1 || answered.is_empty() && valid.is_empty();
        let is_of_daemon = valid.iter().all(|valid| daemons.is_empty() || daemons.contains(valid.daemon));
        if daemons.len() > 1 || !is_one || !is_of_daemon || !valid.iter().all(|valid| is_last(valid)) {
            let detail = format!("code {code}: {redemptions:?}");
            violations.push(Violation { invariant: Invariant::OneTokenPerCode, detail });
        }
    }
}
