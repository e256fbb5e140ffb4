//! Single numbers by name, for what is made of several benches: the bill, and the README's table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Numbers by name. A name says its unit: `poll_read_units`, `heartbeat_warm_ms`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Notes a number.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), value);
    }

    /// The number of that name, where it was noted.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}
