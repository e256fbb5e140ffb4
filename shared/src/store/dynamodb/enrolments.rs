//! Enrolment codes. A redemption replaces the token of the one before it in one transaction, so that one token of a code is valid.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use doorbell_protocol::limits::REDEMPTION_RETRY;
use doorbell_protocol::{Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::DynamoDbStore;
use super::error::{corrupt, failed};
use super::items::{decode, encode, time};
use super::keys::{Item, Key};
use super::tokens::{TokenItem, TokenListingItem};
use super::transaction::{CONFLICT_WAITS, Transaction, incomplete};
use crate::enrolment::{Enrolment, EnrolmentHash, Redemption};
use crate::runtime::ShortText;
use crate::store::outcome::{RedeemOutcome, Result, StoreError, StoreErrorKind};
use crate::token::{Token, TokenHash};

const OPERATION: &str = "redeem enrolment";

/// How long a code is kept after it has expired: a redemption of its last moment may be repeated for [`REDEMPTION_RETRY`].
const RETENTION: Duration = REDEMPTION_RETRY;

/// The times are in milliseconds; `expires_at`, for TTL, is in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EnrolmentItem {
    #[serde(flatten)]
    key: Key,
    workspace_id: WorkspaceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    created_at: i64,
    valid_until: i64,
    expires_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption: Option<RedemptionAttribute>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RedemptionAttribute {
    daemon_id: String,
    redeemed_at: i64,
    token: String,
}

impl From<&Enrolment> for EnrolmentItem {
    fn from(enrolment: &Enrolment) -> Self {
        Self {
            key: Key::enrolment(enrolment.hash),
            workspace_id: enrolment.workspace,
            subject: enrolment.subject.as_ref().map(ToString::to_string),
            created_at: enrolment.created_at.millis(),
            valid_until: enrolment.expires_at.millis(),
            expires_at: (enrolment.expires_at + RETENTION).seconds_rounded_up(),
            redemption: enrolment.redemption.as_ref().map(|redemption| RedemptionAttribute {
                daemon_id: redemption.daemon_id.to_string(),
                redeemed_at: redemption.redeemed_at.millis(),
                token: redemption.token.to_string(),
            }),
        }
    }
}

impl EnrolmentItem {
    fn enrolment(self, hash: EnrolmentHash) -> Result<Enrolment> {
        let redemption = |redemption: RedemptionAttribute| {
            Ok(Redemption {
                daemon_id: ShortText::from_stored(&redemption.daemon_id),
                redeemed_at: time(redemption.redeemed_at)?,
                token: redemption.token.parse().map_err(|_| corrupt("the token of an enrolment"))?,
            })
        };
        Ok(Enrolment {
            hash,
            workspace: self.workspace_id,
            subject: self.subject.as_deref().map(ShortText::from_stored),
            created_at: time(self.created_at)?,
            expires_at: time(self.valid_until)?,
            redemption: self.redemption.map(redemption).transpose()?,
        })
    }
}

impl DynamoDbStore {
    /// One write.
    pub(super) async fn write_enrolment(&self, enrolment: &Enrolment) -> Result<()> {
        let item = encode(EnrolmentItem::from(enrolment))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("create enrolment"))?;
        Ok(())
    }

    /// One read; a code that may be redeemed costs a transaction of three writes more, or of five when it was redeemed before.
    pub(super) async fn write_redemption(
        &self,
        code: EnrolmentHash,
        daemon_id: &ShortText,
        token: &Token,
        now: Timestamp,
    ) -> Result<RedeemOutcome> {
        for wait in CONFLICT_WAITS.map(Some).into_iter().chain([None]) {
            let Some(enrolment) = self.read_enrolment(code).await? else {
                return Ok(RedeemOutcome::NotFound);
            };
            if !enrolment.is_redeemable(daemon_id, now) {
                return Ok(RedeemOutcome::NotFound);
            }
            let record = enrolment.token(daemon_id, token, now);
            let earlier = enrolment.redemption.as_ref().map(|redemption| redemption.token);
            if earlier == Some(record.hash) {
                // A retry of this redemption, whose first response was lost.
                return Ok(RedeemOutcome::Redeemed(record));
            }
            let redeemed = enrolment.clone().redeemed(daemon_id, record.hash, now);
            let mut items = vec![
                self.replace_enrolment(&redeemed, earlier.is_none())?,
                self.put(encode(TokenItem::from(&record))?)?,
                self.put(encode(TokenListingItem::new(enrolment.workspace, &record))?)?,
            ];
            if let Some(earlier) = earlier {
                items.push(self.delete_existing(Key::token(earlier))?);
                items.push(self.delete(Key::token_listing(enrolment.workspace, earlier))?);
            }
            match self.transact(OPERATION, items).await? {
                Transaction::Applied => return Ok(RedeemOutcome::Redeemed(record)),
                // Another redemption came first, or the earlier token was revoked.
                Transaction::ConditionFailed if !self.may_be_repeated(code, earlier).await? => {
                    return Ok(RedeemOutcome::NotFound);
                }
                Transaction::ConditionFailed | Transaction::Conflict => {
                    let Some(wait) = wait else { break };
                    tokio::time::sleep(wait).await;
                }
            }
        }
        Err(StoreError::new(OPERATION, StoreErrorKind::Rejected).with_detail("conflicting redemptions"))
    }

    /// Whether another redemption has replaced the token `earlier`. Otherwise that token was revoked.
    async fn may_be_repeated(&self, code: EnrolmentHash, earlier: Option<TokenHash>) -> Result<bool> {
        let enrolment = self.read_enrolment(code).await?;
        let current = enrolment.and_then(|enrolment| enrolment.redemption).map(|redemption| redemption.token);
        Ok(current != earlier)
    }

    async fn read_enrolment(&self, code: EnrolmentHash) -> Result<Option<Enrolment>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::enrolment(code).into()));
        let output = get.consistent_read(true).send().await.map_err(failed(OPERATION))?;
        output.item.map(|item| decode::<EnrolmentItem>(item)?.enrolment(code)).transpose()
    }

    /// A repetition needs no condition: it deletes the token of the redemption that it has read, which exists unless another redemption
    /// has replaced it.
    fn replace_enrolment(&self, redeemed: &Enrolment, is_first: bool) -> Result<TransactWriteItem> {
        let put =
            Put::builder().table_name(&self.table).set_item(Some(encode(EnrolmentItem::from(redeemed))?));
        let put = if is_first { put.condition_expression("attribute_not_exists(redemption)") } else { put };
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete(OPERATION))?).build())
    }

    fn put(&self, item: Item) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(incomplete(OPERATION))?).build())
    }

    fn delete(&self, key: Key) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key.into())).build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(incomplete(OPERATION))?).build())
    }

    fn delete_existing(&self, key: Key) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.into()))
            .condition_expression("attribute_exists(pk)");
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(incomplete(OPERATION))?).build())
    }
}
