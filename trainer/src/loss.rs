//! How far a model's output is from what is wanted: that of predicted cubes ([`reconstruction`]), and that of a head's
//! answers ([`answers`]).

pub mod answers;
pub mod reconstruction;
