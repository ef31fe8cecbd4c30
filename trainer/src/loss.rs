//! How far a model's output is from what is wanted: predicted cubes ([`reconstruction`]), and a head's answers ([`answers`]).

pub mod answers;
pub mod reconstruction;
