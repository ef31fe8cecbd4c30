//! Bugs that were found and mended, one test each, named by what went wrong. Each goes through the command.
//!
//! The comment of a test says what was seen and what is right. Films, lists and weights are made in the test, from the
//! sample films or small models; where only the reported file will do, its test looks for `shared` and says if it is
//! skipped.

mod answers;
mod attacks;
mod files;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod labels;
mod layouts;
mod matroska;
mod mp4;
mod runs;
mod splits;
mod streams;
mod verdicts;
mod weights;

use fixtures::{
    SMALL, films, flower, killed, models, refusal, said, samples, shared, stdout, succeed, text, tubelet,
};
