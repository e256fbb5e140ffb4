//! The store of a simulation, in layers: a real one, a deliberately broken one on top where a test wants to see it caught,
//! and the faults of getting there.

mod broken;
mod faulty;
mod tap;

pub(crate) use broken::{Broken, Mutation};
pub(crate) use faulty::Faulty;
pub(crate) use tap::SeededTap;
