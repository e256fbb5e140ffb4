//! The questions of a runtime: an item of their own, which heartbeats neither read nor write.
//!
//! The runtime's item has `has_questions`, so that a runtime without questions costs no additional call. A questions item without it is
//! left over from a registration that failed between its writes, and does not count.

use std::collections::HashMap;

use doorbell_protocol::{Kind, RuntimeId, Timestamp};

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, corrupt, failed};
use super::items::{QuestionsItem, RuntimeItem, decode, encode, runtime_expiry};
use super::keys::{Key, is_runtime, number, runtime_id};
use crate::access::Principal;
use crate::limits::QUESTIONS_PER_PAGE_BYTES;
use crate::questions::Questions;
use crate::runtime::Runtime;
use crate::store::outcome::{FindQuestionOutcome, Result};

/// Questions items of one batch read of a list. With the largest questions they are 3 MB of the 16 MB that DynamoDB returns, and
/// most of the [`QUESTIONS_PER_PAGE_BYTES`] of a page, so that a list reads little more than it returns.
const QUESTIONS_PER_BATCH: usize = 50;

impl DynamoDbStore {
    /// One batch read.
    pub(super) async fn read_question(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindQuestionOutcome> {
        let mut has_questions = None;
        let mut questions = Questions::default();
        for item in self.read_batches(vec![Key::runtime(runtime), Key::questions(runtime)]).await? {
            if !is_runtime(&item) {
                questions = decode::<QuestionsItem>(item)?.questions()?;
                continue;
            }
            let item: RuntimeItem = decode(item)?;
            let declares = item.has_questions;
            let found = item.runtime(runtime)?;
            let is_visible = caller.owns(found.workspace, &found.daemon_id) && found.is_registered(now);
            has_questions = is_visible.then_some(declares);
        }
        let Some(has_questions) = has_questions else { return Ok(FindQuestionOutcome::RuntimeNotFound) };
        let deadlines = questions.deadlines(kind).filter(|_| has_questions);
        Ok(deadlines.map_or(FindQuestionOutcome::NotDeclared, FindQuestionOutcome::Found))
    }

    /// Reads the questions of `runtimes`, which are in the order of a page, until the page is full.
    pub(super) async fn read_questions(
        &self,
        runtimes: &mut [Runtime],
        has_questions: impl Fn(RuntimeId) -> bool,
    ) -> Result<()> {
        let mut declaring: Vec<&mut Runtime> =
            runtimes.iter_mut().filter(|runtime| has_questions(runtime.id)).collect();
        let mut bytes = 0;
        for batch in declaring.chunks_mut(QUESTIONS_PER_BATCH) {
            let keys = batch.iter().map(|runtime| Key::questions(runtime.id)).collect();
            let mut found: HashMap<RuntimeId, Questions> = HashMap::new();
            for item in self.read_batches(keys).await? {
                let id = runtime_id(&item).ok_or_else(|| corrupt("a questions item's key"))?;
                match decode::<QuestionsItem>(item).and_then(|item| item.questions()) {
                    Ok(questions) => {
                        found.insert(id, questions);
                    }
                    // Without them, the others of the workspace stay usable.
                    Err(_) => tracing::warn!(%id, "corrupt questions not listed"),
                }
            }
            for runtime in batch {
                runtime.questions = found.remove(&runtime.id).unwrap_or_default();
                bytes += runtime.questions.response_bytes();
            }
            if bytes > QUESTIONS_PER_PAGE_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// One upsert if the runtime has questions; one delete if it has none and `had_questions`.
    pub(super) async fn write_questions(
        &self,
        runtime: &Runtime,
        had_questions: bool,
        now: Timestamp,
    ) -> Result<()> {
        if !runtime.questions.is_empty() {
            let item = encode(QuestionsItem::new(runtime, now)?)?;
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
            put.send().await.map_err(failed("write questions"))?;
        } else if had_questions {
            let delete = self.client.delete_item().table_name(&self.table);
            let delete = delete.set_key(Some(Key::questions(runtime.id).into()));
            delete.send().await.map_err(failed("delete questions"))?;
        }
        Ok(())
    }

    /// One update, which is rejected for a runtime without questions: one unit, twice a week.
    pub(super) async fn renew_questions(&self, runtime: RuntimeId, now: Timestamp) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::questions(runtime).into()))
            .update_expression("SET expires_at = :expires_at")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":expires_at", number(runtime_expiry(now)));
        match conditional("renew questions", update.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => Ok(()),
        }
    }
}
