//! Enrolment codes: one code is redeemed for one valid token.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;

use super::TestContext;
use super::context::{TICK, text};
use crate::access::Workspaces;
use crate::enrolment::{Enrolment, EnrolmentHash};
use crate::id_gen;
use crate::runtime::ShortText;
use crate::store::{FindTokenOutcome, RedeemOutcome, RevokeOutcome, Store, TokenStore};
use crate::token::{Token, TokenRecord};
use doorbell_protocol::limits::REDEMPTION_RETRY;
use doorbell_protocol::{Scope, Timestamp};

/// How long the code of a test is valid.
const VALID: Duration = Duration::from_secs(600);

const DAEMON: &str = "laptop-abcdef";

fn new_token() -> Token {
    id_gen::token(Scope::Daemon).unwrap()
}

/// Stores a code on replica A.
async fn enrolment<S: Store + TokenStore>(
    test: &TestContext<S>,
    subject: Option<ShortText>,
) -> EnrolmentHash {
    let hash = id_gen::enrolment_code().unwrap().hash();
    let enrolment = Enrolment {
        hash,
        workspace: test.workspace,
        subject,
        created_at: test.start,
        expires_at: test.start + VALID,
        redemption: None,
    };
    test.replica_a.create_enrolment(&enrolment).await.unwrap();
    hash
}

/// The record of `token` after a redemption on replica A; `None` if the code is not found.
async fn redeem<S: Store + TokenStore>(
    test: &TestContext<S>,
    code: EnrolmentHash,
    daemon_id: &str,
    token: &Token,
    now: Timestamp,
) -> Option<TokenRecord> {
    match test.replica_a.redeem_enrolment(code, &text(daemon_id), token, now).await.unwrap() {
        RedeemOutcome::Redeemed(record) => Some(record),
        RedeemOutcome::NotFound => None,
    }
}

/// Whether the token is found on replica B.
async fn is_valid<S: Store + TokenStore>(test: &TestContext<S>, token: &Token, now: Timestamp) -> bool {
    let found = test.replica_b.find_token(token.hash(), now).await.unwrap();
    matches!(found, FindTokenOutcome::Found(_))
}

/// The tokens that replica B lists.
async fn listed<S: Store + TokenStore>(test: &TestContext<S>, now: Timestamp) -> Vec<TokenRecord> {
    test.replica_b.list_tokens(test.workspace, now).await.unwrap()
}

pub async fn redeemed_token_is_bound_to_its_daemon<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, Some(text("laptop of Ada"))).await;
    let (token, now) = (new_token(), test.at(1));
    let expected = TokenRecord {
        hash: token.hash(),
        subject: text("laptop of Ada"),
        scopes: [Scope::Daemon].into(),
        workspaces: Workspaces::of(test.workspace),
        daemon_id: Some(text(DAEMON)),
        created_at: now,
        expires_at: None,
        last_four: token.last_four(),
        last_used_at: None,
    };
    assert_eq!(redeem(&test, code, DAEMON, &token, now).await.as_ref(), Some(&expected));
    let found = test.replica_b.find_token(token.hash(), now).await.unwrap();
    assert_eq!(found, FindTokenOutcome::Found(expected.clone()));
    assert_eq!(listed(&test, now).await, [expected]);
}

pub async fn subject_is_the_daemon_by_default<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, None).await;
    let record = redeem(&test, code, DAEMON, &new_token(), test.at(1)).await.unwrap();
    assert_eq!(record.subject, text(DAEMON));
}

pub async fn unknown_code_is_not_found<S: Store + TokenStore>(test: TestContext<S>) {
    let unknown = id_gen::enrolment_code().unwrap().hash();
    assert_eq!(redeem(&test, unknown, DAEMON, &new_token(), test.at(1)).await, None);
    assert_eq!(listed(&test, test.at(1)).await, []);
}

/// Whether or not TTL has deleted it.
pub async fn code_expires<S: Store + TokenStore>(test: TestContext<S>) {
    let [last_moment, too_late] = [enrolment(&test, None).await, enrolment(&test, None).await];
    let end = test.start + VALID;
    assert_eq!(redeem(&test, too_late, DAEMON, &new_token(), end).await, None);
    assert_eq!(listed(&test, end).await, []);
    assert!(redeem(&test, last_moment, DAEMON, &new_token(), end - TICK).await.is_some());
}

pub async fn used_code_is_of_no_use_to_others<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, None).await;
    let [first, second] = [new_token(), new_token()];
    redeem(&test, code, DAEMON, &first, test.at(1)).await.unwrap();
    assert_eq!(redeem(&test, code, "other", &second, test.at(1)).await, None);
    assert!(is_valid(&test, &first, test.at(1)).await && !is_valid(&test, &second, test.at(1)).await);
}

/// The first response may have been lost. The minute begins with the first redemption.
pub async fn daemon_redeems_again_for_a_minute<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, None).await;
    let first = test.at(1);
    let last = first + REDEMPTION_RETRY;
    for now in [first, first + TICK, last] {
        assert!(redeem(&test, code, DAEMON, &new_token(), now).await.is_some(), "at {now:?}");
    }
    assert_eq!(redeem(&test, code, DAEMON, &new_token(), last + TICK).await, None);
    assert_eq!(listed(&test, last).await.len(), 1);
}

/// A response that was lost may have been read by others.
pub async fn second_redemption_replaces_token<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, None).await;
    let tokens = [new_token(), new_token(), new_token()];
    let now = test.at(1);
    for token in &tokens {
        redeem(&test, code, DAEMON, token, now).await.unwrap();
    }
    let [first, second, third] = &tokens;
    assert!(!is_valid(&test, first, now).await && !is_valid(&test, second, now).await);
    assert!(is_valid(&test, third, now).await);
    let hashes: Vec<_> = listed(&test, now).await.into_iter().map(|record| record.hash).collect();
    assert_eq!(hashes, [third.hash()]);
}

/// As the SDK and a function do it whose first call was applied.
pub async fn retried_redemption_returns_the_same_token<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, None).await;
    let token = new_token();
    let record = redeem(&test, code, DAEMON, &token, test.at(1)).await;
    assert_eq!(redeem(&test, code, DAEMON, &token, test.at(1)).await, record);
    assert_eq!(listed(&test, test.at(1)).await, Vec::from_iter(record));
}

pub async fn revoked_token_is_not_replaced<S: Store + TokenStore>(test: TestContext<S>) {
    let code = enrolment(&test, None).await;
    let [first, second] = [new_token(), new_token()];
    redeem(&test, code, DAEMON, &first, test.at(1)).await.unwrap();
    let revoked = test.replica_b.revoke_token(test.workspace, first.hash()).await.unwrap();
    assert_eq!(revoked, RevokeOutcome::Revoked);
    assert_eq!(redeem(&test, code, DAEMON, &second, test.at(2)).await, None);
    assert_eq!(listed(&test, test.at(2)).await, []);
}

/// Redeems a code from both replicas at once; returns how many redemptions succeeded, and checks that one token is valid.
async fn race<S: Store + TokenStore>(test: &TestContext<S>, daemon_ids: [&str; 4]) -> usize {
    let code = enrolment(test, None).await;
    let before = listed(test, test.at(1)).await.len();
    let tokens = daemon_ids.map(|_| new_token());
    let redemptions = daemon_ids.iter().zip(&tokens).enumerate().map(|(number, (daemon_id, token))| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        async move {
            let daemon_id = text(daemon_id);
            let redeemed = replica.redeem_enrolment(code, &daemon_id, token, test.at(1)).await.unwrap();
            matches!(redeemed, RedeemOutcome::Redeemed(_))
        }
    });
    let redeemed = join_all(redemptions).await.into_iter().filter(|redeemed| *redeemed).count();
    let mut valid = 0;
    for token in &tokens {
        valid += usize::from(is_valid(test, token, test.at(1)).await);
    }
    assert_eq!(valid, 1);
    assert_eq!(listed(test, test.at(1)).await.len(), before + 1);
    redeemed
}

pub async fn one_of_four_daemons_redeems<S: Store + TokenStore>(test: TestContext<S>) {
    for _ in 0..10 {
        assert_eq!(race(&test, ["a", "b", "c", "d"]).await, 1);
    }
}

/// A daemon that does not wait for the first response.
pub async fn concurrent_redemptions_leave_one_token<S: Store + TokenStore>(test: TestContext<S>) {
    for _ in 0..10 {
        assert!(race(&test, [DAEMON; 4]).await >= 1);
    }
}
