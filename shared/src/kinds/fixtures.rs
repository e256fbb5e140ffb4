//! Requests for the tests of kinds.

use doorbell_protocol::{Json, Kind, Timestamp};

use super::BuiltInKind;
use crate::id_gen::{IdGenerator as _, RandomIdGenerator};
use crate::request::{Address, ClaimFilter, Deadlines, Payload, Request, RequestOutcome, Ring};
use crate::runtime::ShortText;

fn rung(kind: Kind, args: Option<Json>, deadlines: Deadlines) -> Request {
    let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
    let runtime = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let request = "019a0000000070008000000000000001".parse().unwrap();
    let now = Timestamp::from_millis(1_795_318_867_123).unwrap();
    let ring = Ring { args, ..Ring::new(Address { runtime, request }, kind, deadlines) };
    Request::new(ring, workspace, ShortText::from_stored("laptop"), now)
}

pub(super) fn pending(kind: &BuiltInKind) -> Request {
    rung(kind.kind, None, kind.deadlines)
}

/// A pending request of a question.
pub(super) fn asked(kind: Kind, args: Option<Json>) -> Request {
    rung(kind, args, Deadlines::of_seconds(30, 60, 3_600))
}

pub(super) fn claimed(request: &Request) -> Request {
    let token = RandomIdGenerator::default().lease_token();
    request.claimed_if_claimable(ClaimFilter::Pending, token, request.created_at).unwrap()
}

pub(super) fn running(kind: &BuiltInKind) -> Request {
    claimed(&pending(kind))
}

/// A completed request with this stored result.
pub(super) fn completed_with(kind: &BuiltInKind, stored: &str) -> Request {
    let request = pending(kind);
    let outcome = RequestOutcome::Completed(Payload::try_from(stored.to_owned()).unwrap());
    request.reported_if_open(&outcome, request.created_at).unwrap()
}
