//! Two redemptions of one code, or a redemption and a revocation.

use std::sync::Arc;

use doorbell_protocol::Scope;
use doorbell_shared::enrolment::{Enrolment, EnrolmentHash};
use doorbell_shared::id_gen;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::conformance::TestContext;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::{RedeemOutcome, TokenStore as _};
use doorbell_shared::token::TokenHash;

use super::{interleaved, new_context, waiting_before};
use crate::store_faults::injector::Rewrite;

/// A code of the workspace.
async fn enrolment(context: &TestContext<DynamoDbStore>) -> EnrolmentHash {
    let hash = id_gen::enrolment_code().unwrap().hash();
    let enrolment = Enrolment {
        hash,
        workspace: context.workspace,
        subject: None,
        created_at: context.start,
        expires_at: context.at(600),
        redemption: None,
    };
    context.replica_a.create_enrolment(&enrolment).await.unwrap();
    hash
}

/// The token of a redemption that was applied.
async fn redeem(
    store: &DynamoDbStore,
    context: &TestContext<DynamoDbStore>,
    code: EnrolmentHash,
    daemon_id: &str,
) -> Option<TokenHash> {
    let token = id_gen::token(Scope::Daemon).unwrap();
    let daemon_id = ShortText::try_from(daemon_id.to_owned()).unwrap();
    match store.redeem_enrolment(code, &daemon_id, &token, context.at(1)).await.unwrap() {
        RedeemOutcome::Redeemed(record) => Some(record.hash),
        RedeemOutcome::NotFound => None,
    }
}

async fn valid_tokens(context: &TestContext<DynamoDbStore>) -> Vec<TokenHash> {
    let listed = context.replica_b.list_tokens(context.workspace, context.at(1)).await.unwrap();
    listed.into_iter().map(|record| record.hash).collect()
}

/// Another daemon redeems the code that the slow one has read.
pub(super) async fn redeemed_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let code = enrolment(&context).await;
    let slow = waiting_before(1, &engine, rewrite);
    let late = redeem(&slow, &context, code, "late");
    let other = async {
        _ = redeem(&context.replica_b, &context, code, "other").await;
    };
    interleaved(late, other).await.is_none() && valid_tokens(&context).await.len() == 1
}

/// The token that the slow redemption has read is replaced. It replaces the new one in its second attempt.
pub(super) async fn replaced_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let code = enrolment(&context).await;
    redeem(&context.replica_a, &context, code, "daemon").await.unwrap();
    let slow = waiting_before(1, &engine, rewrite);
    let late = redeem(&slow, &context, code, "daemon");
    let other = async {
        _ = redeem(&context.replica_b, &context, code, "daemon").await;
    };
    let late = interleaved(late, other).await;
    late.is_some() && valid_tokens(&context).await == Vec::from_iter(late)
}

pub(super) async fn revoked_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let code = enrolment(&context).await;
    let first = redeem(&context.replica_a, &context, code, "daemon").await.unwrap();
    let slow = waiting_before(1, &engine, rewrite);
    let late = redeem(&slow, &context, code, "daemon");
    let revocation = async {
        _ = context.replica_b.revoke_token(context.workspace, first).await.unwrap();
    };
    interleaved(late, revocation).await.is_none() && valid_tokens(&context).await.is_empty()
}
