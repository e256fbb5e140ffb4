//! The bill: what was counted and measured, times what is published, beside what a server would cost.
//!
//! Everything here is arithmetic on figures and on `prices.toml`. Nothing is measured, and no price and no assumption is
//! anywhere else.

mod bill;
mod comparison;
mod containers;
mod doorbell;
mod measured;
mod prices;
mod savings;
mod section;
mod usage;

pub(crate) use prices::Prices;
pub(crate) use section::section;

#[cfg(test)]
mod round;
