//! Seeds a table with up to 100,000 items in seconds: the functions create one item on another engine, which is copied.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::{ModelListReport, RequestId, RuntimeId, Timestamp};
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::id_gen::{IdGenerator, RandomIdGenerator};
use doorbell_shared::kinds::model_list::MODEL_LIST;
use doorbell_shared::request::OpenRequest;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use uuid::Uuid;

use crate::api::WORKSPACE_A;
use crate::cost::RecordedApi;

type Item = HashMap<String, AttributeValue>;

/// How long dead requests have waited for TTL, which deletes "within a few days" (AWS, "Using time to live (TTL) in DynamoDB").
const DEAD_FOR: Duration = Duration::from_secs(3600);

/// Seeds one table.
pub struct TableSeeder {
    client: Client,
    ids: RandomIdGenerator,
    originals: Client,
    api: RecordedApi,
    original: String,
}

impl TableSeeder {
    /// Seeds the table of `engine`.
    pub async fn new(engine: &EmbeddedDynamoDb) -> Self {
        let template = EmbeddedDynamoDb::start().await.unwrap();
        let api = RecordedApi::new(&template);
        let (original, _) = api.register("original").await;
        let client = engine.client(None);
        let originals = template.client(None);
        Self { client, ids: RandomIdGenerator::default(), originals, api, original }
    }

    /// Completed requests of `runtime`, one for each of `seconds` before an hour ago.
    pub async fn dead_requests(&self, runtime: &str, seconds: Range<u64>, report: &ModelListReport) {
        let (request, _) = self.api.ring(&self.original).await;
        self.api.report(&self.original, &request, report).await;
        let completed = self.request(&request).await;
        let last = SystemClock.now() - DEAD_FOR;
        for second in seconds {
            self.copy(runtime, &completed, last - Duration::from_secs(second)).await;
        }
    }

    /// Pending requests in the open set of `runtime`, one for each of `milliseconds` after `now`.
    pub async fn open_requests(&self, runtime: &str, milliseconds: Range<u64>, now: Timestamp) {
        let (request, _) = self.api.ring(&self.original).await;
        let mut pending = self.request(&request).await;
        for (time, value) in
            [("created_at", now), ("updated_at", now), ("claim_by", now + MODEL_LIST.deadlines.pending)]
        {
            pending.insert(time.to_owned(), AttributeValue::N(value.millis().to_string()));
        }
        let mut open = Vec::new();
        for millisecond in milliseconds {
            let request = self.copy(runtime, &pending, now + Duration::from_millis(millisecond)).await;
            open.push(OpenRequest { request, kind: MODEL_LIST.kind }.to_string());
        }
        self.add_open(runtime, open).await;
    }

    /// A set without elements is rejected.
    async fn add_open(&self, runtime: &str, open: Vec<String>) {
        if open.is_empty() {
            return;
        }
        let update = self.client.update_item().table_name(TABLE);
        let update = update.key("pk", AttributeValue::S(format!("runtime#{runtime}")));
        let update = update.key("sk", AttributeValue::S("runtime".to_owned()));
        let update = update.update_expression("ADD #open :open").expression_attribute_names("#open", "open");
        update.expression_attribute_values(":open", AttributeValue::Ss(open)).send().await.unwrap();
    }

    /// Runtimes of workspace A, one for each number.
    pub async fn runtimes(&self, numbers: Range<u64>) {
        let partition = format!("runtime#{}", self.original);
        let runtime = self.item(&partition, "runtime").await;
        let listing = self.item(&format!("workspace#{WORKSPACE_A}"), &partition).await;
        for number in numbers {
            let copy = RuntimeId::from_uuid(Uuid::from_u128(number.into()));
            self.put(&runtime, &[("pk", format!("runtime#{copy}"))]).await;
            self.put(&listing, &[("sk", format!("runtime#{copy}"))]).await;
        }
    }

    /// Copies `request` to `runtime`, with an id of the time `then`; returns the id.
    async fn copy(&self, runtime: &str, request: &Item, then: Timestamp) -> RequestId {
        let id = self.ids.request_id(then);
        let sort = format!("request#{id}");
        self.put(request, &[("pk", format!("runtime#{runtime}")), ("sk", sort)]).await;
        id
    }

    async fn request(&self, id: &str) -> Item {
        self.item(&format!("runtime#{}", self.original), &format!("request#{id}")).await
    }

    async fn item(&self, partition: &str, sort: &str) -> Item {
        let get = self.originals.get_item().table_name(TABLE);
        let get = get.key("pk", AttributeValue::S(partition.to_owned()));
        let get = get.key("sk", AttributeValue::S(sort.to_owned()));
        get.send().await.unwrap().item.unwrap()
    }

    async fn put(&self, item: &Item, changes: &[(&str, String)]) {
        let mut copy = item.clone();
        copy.extend(
            changes.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::S(value.clone()))),
        );
        self.client.put_item().table_name(TABLE).set_item(Some(copy)).send().await.unwrap();
    }
}
