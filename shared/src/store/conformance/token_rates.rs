//! The rates of tokens.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use doorbell_protocol::Timestamp;
use futures_util::future::join_all;

use super::TestContext;
use crate::rate_limit::{Charge, Rate, RateLimited, TokenAction};
use crate::store::{ChargeOutcome, Store};
use crate::token_id::TokenId;

const RATE: Rate = Rate { interval: Duration::from_secs(1), burst: 3 };

/// A charge of a token of this test, with a new id.
fn charge<S: Store>(test: &TestContext<S>, known_tat: Option<Timestamp>) -> Charge {
    let token = TokenId::of_subject(&test.workspace.to_string());
    let id = test.address(test.start).request;
    Charge { token, action: TokenAction::Ring, rate: RATE, id, known_tat }
}

/// The outcome of a charge that makes `tat` seconds after the start the TAT.
fn charged<S: Store>(test: &TestContext<S>, tat: u64) -> ChargeOutcome {
    ChargeOutcome::Charged { tat: test.at(tat) }
}

fn limited<S: Store>(test: &TestContext<S>) -> ChargeOutcome {
    let limited = RateLimited { retry_after: RATE.interval };
    ChargeOutcome::RateLimited { limited, tat: test.at(u64::from(RATE.burst)) }
}

pub async fn limits_charges_after_a_burst<S: Store>(test: TestContext<S>) {
    let now = test.start;
    for number in 1..=u64::from(RATE.burst) {
        assert_eq!(test.replica_a.charge(&charge(&test, None), now).await.unwrap(), charged(&test, number));
    }
    assert_eq!(test.replica_b.charge(&charge(&test, None), now).await.unwrap(), limited(&test));
    let other_action = Charge { action: TokenAction::Register, ..charge(&test, None) };
    assert_eq!(test.replica_b.charge(&other_action, now).await.unwrap(), charged(&test, 1));
    let other_token = TokenId::of_subject(&test.runtime.to_string());
    let other_token = Charge { token: other_token, ..charge(&test, None) };
    assert_eq!(test.replica_b.charge(&other_token, now).await.unwrap(), charged(&test, 1));
    assert_eq!(test.replica_b.charge(&charge(&test, None), test.at(1)).await.unwrap(), charged(&test, 4));
}

pub async fn sustained_charges_are_never_limited<S: Store>(test: TestContext<S>) {
    for second in 0..10 {
        let outcome = test.replica_a.charge(&charge(&test, None), test.at(second)).await.unwrap();
        assert_eq!(outcome, charged(&test, second + 1));
    }
}

pub async fn retried_charge_counts_once<S: Store>(test: TestContext<S>) {
    let now = test.start;
    for (number, known_tat) in [(1, None), (2, Some(test.at(1))), (3, None)] {
        let charge = charge(&test, known_tat);
        for _ in 0..3 {
            assert_eq!(test.replica_a.charge(&charge, now).await.unwrap(), charged(&test, number));
        }
    }
}

/// Another instance has used up the burst since the known TAT.
pub async fn outdated_tat_is_limited<S: Store>(test: TestContext<S>) {
    for _ in 0..RATE.burst {
        test.replica_a.charge(&charge(&test, None), test.start).await.unwrap();
    }
    let outdated = charge(&test, Some(test.at(1)));
    assert_eq!(test.replica_b.charge(&outdated, test.start).await.unwrap(), limited(&test));
}

/// TTL has deleted the item.
pub async fn known_tat_without_item_is_charged<S: Store>(test: TestContext<S>) {
    let charge = charge(&test, Some(test.at(2)));
    assert_eq!(test.replica_a.charge(&charge, test.start).await.unwrap(), charged(&test, 1));
}

pub async fn sixteen_charges_share_one_burst<S: Store>(test: TestContext<S>) {
    let charges: Vec<_> = (0..16).map(|_| charge(&test, None)).collect();
    let outcomes = join_all(charges.iter().map(|charge| test.replica_a.charge(charge, test.start))).await;
    let charged = |outcome: &&ChargeOutcome| matches!(outcome, ChargeOutcome::Charged { .. });
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(charged).count(), 3, "{outcomes:?}");
}
