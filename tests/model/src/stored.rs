//! A stored request.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use doorbell_shared::request::Request;

/// States share it, and its hash leaves out what all requests of a scope have in common: otherwise most of the
/// checker's time and memory is spent on copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored(pub Arc<Request>);

impl From<Request> for Stored {
    fn from(request: Request) -> Self {
        Self(Arc::new(request))
    }
}

impl Hash for Stored {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Request { address, state, created_at, updated_at, .. } = &*self.0;
        (address.request, state, created_at, updated_at).hash(hasher);
    }
}
