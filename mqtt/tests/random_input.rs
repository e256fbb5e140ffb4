//! No input panics: the daemon reads from a network, and a release build aborts on a panic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use doorbell_mqtt::{Client, Connect, Incoming};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::timeout;

/// Mostly well-framed packets of any type and flags with a random body, so that the parsers of bodies run.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        vec(any::<u8>(), 0..40),
        // Small bytes are plausible lengths, flags and ids.
        vec(0..5_u8, 0..40),
    ];
    let packet = (any::<u8>(), body).prop_map(|(header, body)| {
        let length = u8::try_from(body.len()).unwrap();
        [&[header, length][..], &body].concat()
    });
    prop_oneof![vec(packet, 0..8).prop_map(|packets| packets.concat()), vec(any::<u8>(), 0..200)]
}

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future);
}

const CONNECT: &[u8] = &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 30, 0, 1, b'c'];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn server_ends_orderly(connected: bool, input in packets()) {
        run(async {
            let (near, mut far) = duplex(64 * 1024);
            if connected {
                far.write_all(CONNECT).await.unwrap();
            }
            far.write_all(&input).await.unwrap();
            if let Ok(incoming) = Incoming::read(near).await {
                let (_publisher, session) = incoming.accept();
                session.run().await;
            }
        });
    }

    #[test]
    fn client_ends_orderly(connected: bool, input in packets()) {
        run(async {
            let (near, mut far) = duplex(64 * 1024);
            if connected {
                far.write_all(&[0x20, 2, 0, 0]).await.unwrap();
            }
            far.write_all(&input).await.unwrap();
            let connect = Connect {
                client_id: "c".to_owned(),
                username: "u".to_owned(),
                password: "p".to_owned(),
                keep_alive: Duration::from_secs(30),
                pingresp_timeout: Duration::from_secs(10),
            };
            if let Ok(mut client) = Client::connect(near, connect).await {
                // The pings stay unanswered, so every connection ends.
                let end = async { while client.recv().await.is_ok() {} };
                timeout(Duration::from_secs(60), end).await.unwrap();
                // A panic of the task would be this end without a reason of the peer.
                assert_ne!(client.recv().await, Err(doorbell_mqtt::Closed::Local));
            }
        });
    }
}
