//! The kinds of requests.
//!
//! A built-in kind is one file and its entry in [`BUILT_IN`]. A question is declared by the owner of a machine and needs no code here;
//! [`question`] serves all of them.

pub mod local_skills;
pub mod model_list;
pub mod question;

use std::collections::BTreeMap;
use std::fmt::Display;

use doorbell_protocol::{Kind, Object, Report};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::catalog::{CatalogUpdate, ServedSnapshot};
use crate::request::{
    Address, Deadlines, ErrorText, KindFilter, Payload, PayloadTooLarge, Request, RequestOutcome, State,
    TimeoutReason,
};

/// A kind with code of its own.
#[derive(Debug)]
pub struct BuiltInKind {
    pub kind: Kind,
    /// Its segment in the paths of its own routes.
    pub segment: &'static str,
    /// The field of a heartbeat's response that has a claimed request.
    pub heartbeat_field: &'static str,
    pub deadlines: Deadlines,
    /// The pending deadline in the error text of a timeout.
    pub pending_text: &'static str,
    /// The error text when the store fails to create a request.
    pub enqueue_failure: &'static str,
    /// Reads a report on the kind's own route.
    pub accept: fn(&[u8]) -> Result<RequestOutcome, Rejected>,
    /// Renders the record of the kind's own routes.
    pub render: fn(&Request) -> Result<JsonText, CorruptResult>,
    /// Renders the `result` of the generic record.
    pub render_result: fn(&Payload) -> Result<JsonText, CorruptResult>,
    /// Its catalog, if rings may be answered from one.
    pub catalog: Option<Catalog>,
}

/// What a kind with a catalog has in addition.
#[derive(Debug)]
pub struct Catalog {
    /// What a recorded outcome does to the catalog.
    pub update: fn(&RequestOutcome) -> CatalogUpdate,
    /// Renders the record of a ring on the kind's own route that a snapshot answers, under an address that no poll finds.
    pub render: fn(Address, &ServedSnapshot) -> Result<JsonText, CorruptResult>,
}

/// The registry.
pub const BUILT_IN: &[&BuiltInKind] = &[
    &model_list::MODEL_LIST, //
    &local_skills::LOCAL_SKILLS,
];

/// The names of the built-in kinds.
pub const BUILT_IN_NAMES: [Kind; BUILT_IN.len()] = names();

#[expect(clippy::indexing_slicing, reason = "both arrays have the length of the registry")]
const fn names() -> [Kind; BUILT_IN.len()] {
    let mut names = [BUILT_IN[0].kind; BUILT_IN.len()];
    let mut index = 0;
    while index < BUILT_IN.len() {
        names[index] = BUILT_IN[index].kind;
        index += 1;
    }
    names
}

/// The built-in kind with this name.
pub fn built_in(kind: Kind) -> Option<&'static BuiltInKind> {
    BUILT_IN.iter().copied().find(|built_in| built_in.kind == kind)
}

/// JSON as text. Results are spliced into records unparsed: parsing and serializing 20 models took nine tenths of a poll.
pub type JsonText = Box<RawValue>;

/// Why a report is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The body is not a report. The request stays as it is.
    Body,
    /// A part of the result is malformed. The request fails with this text.
    Malformed(ErrorText),
    /// The result is over a limit. The request fails with this text.
    TooLarge(ErrorText),
    /// The progress is over its limit. The request keeps running.
    Progress,
}

impl Rejected {
    fn malformed(what: impl Display) -> Self {
        Self::Malformed(ErrorText::from(format!("the daemon's report has {what}")))
    }

    fn too_large(why: impl Display) -> Self {
        Self::TooLarge(ErrorText::from(format!("the daemon's report is too large to store: {why}")))
    }
}

impl From<PayloadTooLarge> for Rejected {
    fn from(too_large: PayloadTooLarge) -> Self {
        Self::too_large(too_large)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored result does not have the shape of its kind")]
pub struct CorruptResult;

/// The requests that a route serves, by the segment of its path.
#[derive(Clone, Copy, Debug)]
pub enum RouteKind {
    /// The kind's own routes.
    BuiltIn(&'static BuiltInKind),
    /// The routes of requests of every kind.
    Any,
}

impl RouteKind {
    /// The segment of the routes of requests of every kind.
    pub const ANY: &str = "requests";

    /// The kinds of a segment, if there is one with this name.
    pub fn of_segment(segment: &str) -> Option<Self> {
        if segment == Self::ANY {
            return Some(Self::Any);
        }
        BUILT_IN.iter().copied().find(|built_in| built_in.segment == segment).map(Self::BuiltIn)
    }

    pub fn filter(self) -> KindFilter {
        match self {
            Self::BuiltIn(built_in) => KindFilter::Only(built_in.kind),
            Self::Any => KindFilter::Any,
        }
    }

    /// The error text when the store fails to create a request.
    pub fn enqueue_failure(self) -> &'static str {
        match self {
            Self::BuiltIn(built_in) => built_in.enqueue_failure,
            Self::Any => "failed to enqueue request",
        }
    }

    /// The record of the route.
    pub fn render(self, request: &Request) -> Result<JsonText, CorruptResult> {
        match self {
            Self::BuiltIn(built_in) => (built_in.render)(request),
            Self::Any => question::render(request),
        }
    }

    /// The record of a ring that a snapshot answers, under an address that no poll finds.
    pub fn render_cached(
        self,
        kind: Kind,
        catalog: &Catalog,
        address: Address,
        snapshot: &ServedSnapshot,
    ) -> Result<JsonText, CorruptResult> {
        match self {
            Self::BuiltIn(_) => (catalog.render)(address, snapshot),
            Self::Any => question::render_cached(kind, address, snapshot),
        }
    }
}

impl BuiltInKind {
    /// What a recorded outcome does to the kind's catalog.
    pub fn catalog_update(&self, outcome: &RequestOutcome) -> CatalogUpdate {
        self.catalog.as_ref().map_or(CatalogUpdate::Keep, |catalog| (catalog.update)(outcome))
    }

    /// Reads the `result` of a report on the route of every kind: the body of a report on the kind's own route without `status`.
    pub fn accept_result(&self, result: &Payload) -> Result<RequestOutcome, Rejected> {
        let no_object = || Rejected::malformed("a result that is not of its kind");
        let mut fields: BTreeMap<String, &RawValue> =
            serde_json::from_str(result.as_str()).map_err(|_| no_object())?;
        let status = text(&Report::COMPLETED).map_err(|_| no_object())?;
        fields.insert("status".to_owned(), &status);
        let body = text(&fields).map_err(|_| no_object())?;
        (self.accept)(body.get().as_bytes()).map_err(|rejected| match rejected {
            Rejected::Body => no_object(),
            rejected => rejected,
        })
    }
}

/// The error text of a request that timed out.
pub fn timeout_text(request: &Request, reason: TimeoutReason) -> String {
    let Deadlines { pending, running, .. } = request.deadlines;
    match (reason, built_in(request.kind)) {
        (TimeoutReason::NotClaimed, Some(built_in)) if built_in.deadlines.pending == pending => {
            format!("daemon did not respond within {}", built_in.pending_text)
        }
        (TimeoutReason::NotClaimed, _) => {
            format!("daemon did not respond within {} seconds", pending.as_secs())
        }
        (TimeoutReason::NotReported, _) => {
            format!("daemon did not finish within {} seconds", running.as_secs())
        }
    }
}

/// The error of a cancelled request.
const CANCELLED: &str = "cancelled";

/// The `error` of a record.
fn error(request: &Request) -> Option<String> {
    let text = match &request.state {
        State::Failed(error) => error.as_str().to_owned(),
        State::Cancelled => CANCELLED.to_owned(),
        State::Timeout(reason) => timeout_text(request, *reason),
        State::Pending | State::Running(_) | State::Completed(_) => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// The stored result of a completed request.
fn stored(request: &Request) -> Option<&Payload> {
    match &request.state {
        State::Completed(payload) => Some(payload),
        _ => None,
    }
}

/// The body of a report, which must be an object.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejected> {
    let Object(report) = serde_json::from_slice(body).map_err(|_| Rejected::Body)?;
    Ok(report)
}

/// The outcome with `result`.
fn completed(result: &impl Serialize) -> Result<RequestOutcome, Rejected> {
    // Every part is a text, a number, a flag or JSON text.
    let json = serde_json::to_string(result).map_err(|_| Rejected::Body)?;
    Ok(RequestOutcome::Completed(Payload::try_from(json)?))
}

fn text(value: &impl Serialize) -> Result<JsonText, CorruptResult> {
    to_raw_value(value).map_err(|_| CorruptResult)
}

/// The JSON text of an empty list, as reports are stored.
const NO_ENTRIES: &str = "[]";

/// A list that was stored as JSON text, unless it is empty.
fn non_empty(list: JsonText) -> Option<JsonText> {
    Some(list).filter(|list| list.get() != NO_ENTRIES)
}

fn is_list(json: &RawValue) -> bool {
    json.get().starts_with('[')
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
