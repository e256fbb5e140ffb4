//! What every bench shares: how much it does, what it makes of its samples, and the section of `BENCHMARKS.md` that it
//! writes down for the report.
//!
//! A bench knows how to measure and how to present what it measured; the report knows Markdown and SVG, and nothing of
//! any bench. Nothing here asserts how fast anything is.

mod effort;
mod figure;
mod machine;
mod number;
mod record;
mod section;
mod spread;
mod text;

pub use effort::Effort;
pub use figure::Figures;
pub use machine::Machine;
pub use number::number;
pub use record::{Record, load, save};
pub use section::{Block, Plot, Scale, Section, Series, Table};
pub use spread::Spread;
