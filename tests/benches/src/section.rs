//! A section of `BENCHMARKS.md`: what a bench has to say, without a word of Markdown or SVG.

use serde::{Deserialize, Serialize};

use crate::Figures;

/// What one bench found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What is under it, in order.
    pub blocks: Vec<Block>,
    /// What others make something of.
    pub figures: Figures,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Block {
    /// A paragraph: what was done, how, and what it shows. May hold inline Markdown.
    Text(String),
    /// A heading within the section.
    Heading(String),
    /// A table.
    Table(Table),
    /// A plot, in a file of its own.
    Plot(Plot),
}

/// A table. The first column is text; the others are numbers, as they are to be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The head of each column, with its unit.
    pub columns: Vec<String>,
    /// Rows with a cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// A plot of lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plot {
    /// The file's name without `.svg`.
    pub name: String,
    /// What it shows: its caption, and its text for who cannot see it.
    pub caption: String,
    /// What is along, with its unit.
    pub x: String,
    /// What is up, with its unit.
    pub y: String,
    /// How x is spaced.
    pub x_scale: Scale,
    /// How y is spaced.
    pub y_scale: Scale,
    /// The lines.
    pub series: Vec<Series>,
}

/// How an axis is spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By powers of ten; all values are above zero.
    Logarithmic,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, x and y, from left to right.
    pub points: Vec<(f64, f64)>,
}
