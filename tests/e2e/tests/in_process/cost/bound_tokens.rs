//! Calls and units with bound tokens, and those of enrolment.

use doorbell_protocol::Scope;
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::enrolment::{Enrolment, EnrolmentHash};
use doorbell_shared::id_gen;
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::request::KindFilter;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::{RedeemOutcome, ReportOutcome, Store as _, TokenStore as _};

use crate::cost::{Payload, Recorded, RequestOutcome, owned};

/// The id of the runtime's daemon.
fn daemon() -> ShortText {
    ShortText::try_from("daemon".to_owned()).unwrap()
}

/// The costs of what a daemon and a client do, as `caller`.
async fn costs(recorded: &Recorded, caller: &Principal) -> Vec<Vec<(String, f64)>> {
    let test = &recorded.test;
    let store = &test.replica_a;
    let mut costs = Vec::new();
    for channel in [HeartbeatChannel::Plain, HeartbeatChannel::Connected] {
        store.record_heartbeat(test.runtime, caller, channel, test.at(1)).await.unwrap();
        costs.push(recorded.cost("heartbeat"));
    }
    let rung = test.ring(test.at(1)).await;
    costs.push(recorded.cost("ring"));
    test.claim(rung.address, test.at(2)).await;
    costs.push(recorded.cost("claim"));
    let progress = "1".parse().unwrap();
    store.report_progress(rung.address, caller, &progress, test.at(2)).await.unwrap();
    costs.push(recorded.cost("progress"));
    let outcome = RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap());
    let reported = store
        .report(rung.address, KindFilter::Any, caller, &outcome, CatalogUpdate::Keep, test.at(3))
        .await
        .unwrap();
    assert!(matches!(reported, ReportOutcome::Recorded { .. }), "{reported:?}");
    costs.push(recorded.cost("report"));
    store.deregister(test.runtime, caller, test.at(4)).await.unwrap();
    costs.push(recorded.cost("deregister"));
    costs
}

#[tokio::test]
async fn bound_token_costs_nothing_more() {
    let recorded = Recorded::new().await;
    let bound = Principal { daemon_id: Some(daemon()), ..recorded.test.caller.clone() };
    let update = || owned(&[("UpdateItem", 1.0)]);
    let expected = vec![
        update(),
        update(),
        owned(&[("UpdateItem", 1.0), ("PutItem", 1.0)]),
        update(),
        update(),
        owned(&[("UpdateItem", 1.0), ("UpdateItem", 1.0)]),
        update(),
    ];
    assert_eq!(costs(&recorded, &bound).await, expected);
    let unbound = Recorded::new().await;
    assert_eq!(costs(&unbound, &unbound.test.caller).await, expected);
}

/// A rejected write costs a unit, as that of another workspace does.
#[tokio::test]
async fn report_of_other_daemon_costs_one_write() {
    let recorded = Recorded::new().await;
    let test = &recorded.test;
    let rung = test.ring(test.at(1)).await;
    recorded.recorder.take();
    let other = ShortText::try_from("other".to_owned()).unwrap();
    let other = Principal { daemon_id: Some(other), ..test.caller.clone() };
    let outcome = RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap());
    let reported = test
        .replica_a
        .report(rung.address, KindFilter::Any, &other, &outcome, CatalogUpdate::Keep, test.at(2))
        .await
        .unwrap();
    assert_eq!(reported, ReportOutcome::NotFound);
    let calls: Vec<String> = recorded.cost("rejected").into_iter().map(|(name, _)| name).collect();
    assert_eq!(calls, ["UpdateItem"]);
}

/// The outcome of a redemption for a new token, and its cost.
async fn redeem(recorded: &Recorded, code: EnrolmentHash, second: u64) -> (bool, Vec<(String, f64)>) {
    let token = id_gen::token(Scope::Daemon).unwrap();
    let now = recorded.test.at(second);
    let outcome = recorded.test.replica_a.redeem_enrolment(code, &daemon(), &token, now).await.unwrap();
    (matches!(outcome, RedeemOutcome::Redeemed(_)), recorded.cost("redeem"))
}

/// A transaction costs two units for each item. A guess costs one read, and a code that was used too long ago no more.
#[tokio::test]
async fn enrolment_costs_as_designed() {
    let recorded = Recorded::new().await;
    let test = &recorded.test;
    let hash = id_gen::enrolment_code().unwrap().hash();
    let enrolment = Enrolment {
        hash,
        workspace: test.workspace,
        subject: None,
        created_at: test.start,
        expires_at: test.at(600),
        redemption: None,
    };
    test.replica_a.create_enrolment(&enrolment).await.unwrap();
    assert_eq!(recorded.cost("create enrolment"), owned(&[("PutItem", 1.0)]));
    // Enrolment, token and listing.
    let first = owned(&[("GetItem", 1.0), ("TransactWriteItems", 6.0)]);
    assert_eq!(redeem(&recorded, hash, 1).await, (true, first));
    // The earlier token and its listing as well.
    let second = owned(&[("GetItem", 1.0), ("TransactWriteItems", 10.0)]);
    assert_eq!(redeem(&recorded, hash, 2).await, (true, second));
    assert_eq!(redeem(&recorded, hash, 200).await, (false, owned(&[("GetItem", 1.0)])));
    for _ in 0..3 {
        let guess = id_gen::enrolment_code().unwrap().hash();
        assert_eq!(redeem(&recorded, guess, 1).await, (false, owned(&[("GetItem", 1.0)])));
    }
}
