//! What is made of many samples of one thing: never an average, which one slow call can move anywhere.

use std::fmt;

/// Quantiles of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// One in ten is below.
    pub p10: f64,
    /// Half are below.
    pub median: f64,
    /// Nine in ten are below.
    pub p90: f64,
    /// All but one in a hundred are below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one sample, in any order.
    ///
    /// # Panics
    /// When there is none: a bench without samples has measured nothing.
    pub fn of(mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty(), "no samples");
        samples.sort_by(f64::total_cmp);
        // The nearest rank: a value that was measured, and not one between two.
        let quantile = |of_hundred: usize| samples[(samples.len() * of_hundred).div_ceil(100).max(1) - 1];
        Self {
            p10: quantile(10),
            median: quantile(50),
            p90: quantile(90),
            p99: quantile(99),
            max: quantile(100),
        }
    }
}

/// The median with the spread around it: `1.20 (1.15 to 1.31)`.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.p10, self.p90)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_sample_of_the_nearest_rank() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!(spread, Spread { p10: 10.0, median: 50.0, p90: 90.0, p99: 99.0, max: 100.0 });
    }

    #[test]
    fn one_sample_is_every_quantile() {
        let spread = Spread::of(vec![2.0]);
        assert_eq!((spread.p10, spread.median, spread.p99), (2.0, 2.0, 2.0));
    }

    #[test]
    fn it_is_shown_as_the_median_between_the_tenths() {
        let spread = Spread::of((1..=100).map(f64::from).collect());
        assert_eq!(format!("{spread:.1}"), "50.0 (10.0 to 90.0)");
    }
}
