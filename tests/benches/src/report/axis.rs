//! An axis of a plot: where values go on it, and what is written along it.
//!
//! A value's place is the value itself, or its power of ten where the axis is logarithmic.

use std::ops::Range;

use doorbell_bench::Scale;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// About as many marks as this are written along an axis.
const MARKS: f64 = 6.0;

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    /// The places it spans.
    span: Range<f64>,
    /// The places that are marked.
    marks: Vec<f64>,
}

impl Axis {
    /// Wide enough for `values`, each of which has a place.
    pub(super) fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let places: Vec<f64> = values.filter_map(|value| place(scale, value)).collect();
        let highest = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = places.iter().copied().fold(f64::INFINITY, f64::min);
        let (low, high, step) = match scale {
            Scale::Logarithmic => (lowest.floor(), highest.ceil().max(lowest.floor() + 1.0), 1.0),
            Scale::Linear => {
                let step = round_step(highest.max(0.0) / MARKS);
                (0.0, (highest / step).ceil().max(1.0) * step, step)
            }
        };
        Self { scale, span: low..high, marks: marks(low, high, step) }
    }

    /// Where `value` goes; `None` where it has no place: not a number, below zero, or zero on a logarithmic axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        place(self.scale, value)
    }

    /// How far along the axis `value` is, from 0 to 1. What has no place is at its beginning.
    pub(super) fn part(&self, value: f64) -> f64 {
        let Range { start, end } = self.span;
        (self.place(value).unwrap_or(start) - start) / (end - start)
    }

    fn value(&self, place: f64) -> f64 {
        match self.scale {
            Scale::Linear => place,
            Scale::Logarithmic => 10_f64.powf(place),
        }
    }
}

/// Marked where it says itself, and not where the drawing would.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * self.part(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.iter().map(|mark| self.value(*mark)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.value(self.span.start)..self.value(self.span.end)
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        shown(*value)
    }
}

fn place(scale: Scale, value: f64) -> Option<f64> {
    let placed = match scale {
        Scale::Linear => value,
        Scale::Logarithmic => value.log10(),
    };
    (placed.is_finite() && value >= 0.0).then_some(placed)
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    if step <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * 0.999_999);
    round.unwrap_or(10.0) * power
}

fn marks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let mut marks = vec![low];
    // Multiplied and not added up, which would drift.
    while let Some(next) = Some(low + step * marks.len() as f64).filter(|next| *next <= high + step / 2.0) {
        marks.push(next);
    }
    marks
}

/// Seven digits, without those that say nothing, and millions as such.
fn shown(value: f64) -> String {
    match value {
        millions if millions >= 1e6 => format!("{} M", shown(millions / 1e6)),
        value => {
            let rounded = format!("{value:.7}");
            let digits = rounded.trim_end_matches('0').split_once('.').map_or(0, |(_, digits)| digits.len());
            doorbell_bench::number(value, digits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.marks.iter().map(|mark| Axis::format(&axis.value(*mark))).collect()
    }

    #[test]
    fn a_straight_axis_begins_at_zero_and_goes_on_in_round_steps() {
        let axis = Axis::over(Scale::Linear, [3.0, 14.2].into_iter());
        assert_eq!(labels(&axis), ["0", "5", "10", "15"]);
        assert_eq!(axis.span, 0.0..15.0);
    }

    #[test]
    fn a_logarithmic_axis_is_marked_at_the_powers_of_ten_around_its_values() {
        let axis = Axis::over(Scale::Logarithmic, [0.02, 3_000_000.0].into_iter());
        let expected = ["0.01", "0.1", "1", "10", "100", "1,000", "10,000", "100,000", "1 M", "10 M"];
        assert_eq!(labels(&axis), expected);
    }

    #[test]
    fn equal_values_have_an_axis_too() {
        for (scale, value) in [(Scale::Linear, 0.0), (Scale::Linear, 7.0), (Scale::Logarithmic, 100.0)] {
            let axis = Axis::over(scale, [value, value].into_iter());
            assert!(axis.span.start < axis.span.end, "{axis:?}");
            assert!(axis.place(value).is_some_and(|place| place <= axis.span.end), "{axis:?}");
        }
    }

    #[test]
    fn a_fraction_is_shown_to_its_last_digit() {
        let axis = Axis::over(Scale::Linear, [0.3, 1.0].into_iter());
        assert_eq!(labels(&axis), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    }

    #[test]
    fn what_is_no_number_or_has_no_logarithm_has_no_place() {
        let linear = Axis::over(Scale::Linear, [1.0].into_iter());
        let logarithmic = Axis::over(Scale::Logarithmic, [1.0].into_iter());
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(|value| linear.place(value)), [None; 3]);
        assert_eq!([f64::NAN, 0.0, -1.0].map(|value| logarithmic.place(value)), [None; 3]);
    }
}
