//! Every setting of a training, with the published ViT-B on Kinetics-400 as default.
//!
//! A recipe is built in layers: a built-in one, a file, then settings from the command line; each changes
//! what it names. A key that does not exist is an error that offers the nearest one. What results is
//! written into the run and repeats it.

mod answers;
mod bounds;
mod built_in;
mod checks;
mod derived;
mod error;
mod finetuning;
mod finetuning_sections;
mod layers;
mod run_section;
mod sections;

pub use self::{
    error::RecipeError,
    finetuning_sections::{
        Augment, By, ClassWeights, Classifier, Freeze, Position, Sampling, Views, WeightRule,
    },
    run_section::Run,
    sections::{Clip, Mask, Model, Optimiser, Recipe, Schedule},
};
