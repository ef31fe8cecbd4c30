//! The command as a person uses it: real files in, words, files and exit codes out.

mod answers;
mod archives;
mod before_and_after;
mod cluster;
mod completions;
mod conversion;
mod crash;
mod determinism;
mod doctor;
mod embedding;
mod evaluation;
mod finetuning;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod flipped_bits;
mod frames;
mod help;
mod json;
mod launched;
mod lists;
mod locks;
mod many_rows;
mod messages;
mod mixtures;
#[cfg(feature = "cloud")]
mod object_server;
mod probing;
mod reporting;
mod resuming;
mod scanning;
mod shards;
mod signals;
mod slices;
mod stills;
#[cfg(feature = "cloud")]
mod stores;
mod streaming;
mod tables;
mod training;
mod watching;
mod wrong_usage;

use fixtures::{
    SMALL, browser, films, killed, models, refusal, said, samples, shared, stdout, succeed, text, tubelet,
};
