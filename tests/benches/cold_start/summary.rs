//! What is made of a function's starts: medians with their spread, and ratios within each round.

use doorbell_bench::Spread;

use crate::record::{Measured, Record};
use crate::{Error, Result};

/// A MB of memory, as Lambda and the kernel count it.
const MB: f64 = 1024.0 * 1024.0;

/// A function in a few numbers.
pub(crate) struct Summary<'r> {
    pub(crate) measured: &'r Measured,
    pub(crate) init_ms: Spread,
    /// Of each round: this function's init as a multiple of the empty one's.
    pub(crate) init_ratio: Spread,
    pub(crate) first_ms: Spread,
    /// Of each start: init and first call together, which is what somebody waits for.
    pub(crate) answer_ms: Spread,
    pub(crate) warm_ms: Spread,
    pub(crate) peak_mb: Spread,
}

impl<'r> Summary<'r> {
    /// Of every function of `record`, in its order.
    pub(crate) fn of_all(record: &'r Record) -> Result<Vec<Self>> {
        let empty = record.empty()?;
        record.functions.iter().map(|measured| Self::of(measured, empty)).collect()
    }

    fn of(measured: &'r Measured, empty: &Measured) -> Result<Self> {
        let Measured { init_ms, first_ms, warm_ms, peak_bytes, .. } = measured;
        let together = |a: &[f64], b: &[f64], join: fn(f64, f64) -> f64| {
            Spread::of(a.iter().zip(b).map(|(a, b)| join(*a, *b)).collect())
        };
        if init_ms.is_empty() || init_ms.len() != empty.init_ms.len() {
            return Err(Error::from(format!("{} was not started in every round", measured.function)));
        }
        #[expect(clippy::cast_precision_loss, reason = "a process has fewer than 2^52 bytes")]
        let peak_mb = peak_bytes.iter().map(|bytes| *bytes as f64 / MB).collect();
        Ok(Self {
            measured,
            init_ms: Spread::of(init_ms.clone()),
            init_ratio: together(init_ms, &empty.init_ms, |own, empty| own / empty),
            first_ms: Spread::of(first_ms.clone()),
            answer_ms: together(init_ms, first_ms, |init, first| init + first),
            warm_ms: Spread::of(warm_ms.clone()),
            peak_mb: Spread::of(peak_mb),
        })
    }

    /// The function's name.
    pub(crate) fn name(&self) -> &str {
        &self.measured.function
    }
}
