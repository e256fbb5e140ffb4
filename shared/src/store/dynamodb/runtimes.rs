//! One query of the workspace's listings, then the runtimes themselves in batches: only they know whether they live.

use super::DynamoDbStore;
use super::items::{RuntimeItem, read};
use super::keys::{Key, LISTED_RUNTIMES};
use crate::id::WorkspaceId;
use crate::runtime::Runtime;
use crate::store::{Result, Runtimes};
use crate::time::Timestamp;

impl Runtimes for DynamoDbStore {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        let listed = self.listed(workspace, LISTED_RUNTIMES).await?;
        let keys = listed.iter().filter_map(Key::listed_runtime_id).map(Key::runtime);
        let items = self.items(keys.collect()).await?;
        let runtimes = items.into_iter().map(|item| Runtime::try_from(read::<RuntimeItem>(item)?));
        let mut runtimes = runtimes.collect::<Result<Vec<_>>>()?;
        runtimes.retain(|runtime| runtime.workspace == workspace && runtime.is_known(now));
        Ok(runtimes)
    }
}
