//! Rings at once join one request. The delays of the store are random and virtual.

use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::ring_burst::{BurstOutcome, RingBurst};

/// More than the burst of the runtime, whose rate limit rejects none of them.
const CLIENTS: usize = 100;

#[tokio::test(start_paused = true)]
async fn hundred_rings_at_once_make_one_request() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    for seed in 0..3 {
        for refresh in [false, true] {
            let burst = RingBurst { clients: CLIENTS, has_daemon: false, refresh };
            let one = BurstOutcome { answered: CLIENTS, limited: 0, cached: 0, requests: 1, discoveries: 1 };
            assert_eq!(burst.run(&engine, seed).await, one, "seed {seed}, refresh {refresh}");
        }
    }
}

/// A ring that finds its runtime over the rate, and its request already collected, is rejected. No other answer fails, and every
/// request that was made is collected once.
#[tokio::test(start_paused = true)]
async fn rings_at_once_of_a_fast_daemon_make_few_requests() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    for seed in 0..3 {
        for refresh in [false, true] {
            let outcome = RingBurst { clients: CLIENTS, has_daemon: true, refresh }.run(&engine, seed).await;
            let BurstOutcome { answered, limited, requests, discoveries, .. } = outcome;
            assert_eq!(answered + limited, CLIENTS, "seed {seed}: {outcome:?}");
            assert_eq!(requests, discoveries, "seed {seed}: {outcome:?}");
            assert!(requests <= CLIENTS / 10, "seed {seed}: {outcome:?}");
        }
    }
}
