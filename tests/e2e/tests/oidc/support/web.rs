//! The documents that can be fetched, and how often they were.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use doorbell_functions::auth::oidc::{FetchJson, OidcFault};
use reqwest::Url;
use serde_json::Value;

/// A web of a few documents. What is not there can't be reached.
#[derive(Clone, Default)]
pub(crate) struct Web(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    documents: HashMap<String, Vec<u8>>,
    fetched: Vec<String>,
}

impl Web {
    /// Has `document` at `url` from now on.
    pub(crate) fn put(&self, url: &str, document: &Value) {
        self.put_bytes(url, document.to_string().as_bytes());
    }

    /// The same, for what is no JSON.
    pub(crate) fn put_bytes(&self, url: &str, document: &[u8]) {
        self.0.lock().unwrap().documents.insert(url.to_owned(), document.to_vec());
    }

    /// Nothing can be reached from now on.
    pub(crate) fn tear(&self) {
        self.0.lock().unwrap().documents.clear();
    }

    /// How many fetches there were, failed ones too.
    pub(crate) fn fetches(&self) -> usize {
        self.fetched().len()
    }

    /// What was fetched, in order.
    pub(crate) fn fetched(&self) -> Vec<String> {
        self.0.lock().unwrap().fetched.clone()
    }
}

impl FetchJson for Web {
    async fn fetch(&self, url: &Url) -> Result<Vec<u8>, OidcFault> {
        self.0.lock().unwrap().fetched.push(url.to_string());
        // Lets everybody else get here who would.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let document = self.0.lock().unwrap().documents.get(url.as_str()).cloned();
        document.ok_or(OidcFault::Unreachable { url: url.clone(), reason: "no connection" })
    }
}
