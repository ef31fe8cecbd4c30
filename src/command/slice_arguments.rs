//! `--slice` and `--finish`: what commands take whose work many processes can share.

use schemas::Slice;

use super::slice_environment;
use crate::{Usage, slices::Share};

/// Which share of the work is meant.
#[derive(clap::Args)]
pub struct SliceArguments {
    /// Do one of N shares of the work, counted from 0; `auto` takes it from the environment
    ///
    /// N processes, each with its own I, do all of it. `auto` takes I and N from the environment of a Slurm array or
    /// of SkyPilot jobs, and `auto/N` only I, also from a Kubernetes Indexed Job. A slice that was interrupted is run
    /// again. Once all are done, the same command with --finish puts them together.
    #[arg(
        long,
        value_name = "I/N|auto[/N]",
        value_parser = chosen,
        conflicts_with = "finish",
        help_heading = "Many processes"
    )]
    slice: Option<ChosenSlice>,
    /// Put all slices together to what one process would have written; missing ones are named
    #[arg(long, help_heading = "Many processes")]
    finish: bool,
}

/// A slice as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChosenSlice {
    /// This one.
    This(Slice),
    /// That of the environment, of so many if they are given.
    OfEnvironment(Option<u64>),
}

impl SliceArguments {
    /// What they mean.
    ///
    /// # Errors
    /// Usage error: the environment names no slice.
    pub fn share(&self) -> Result<Share, Usage> {
        if self.finish {
            return Ok(Share::Finish);
        }
        let of_environment = |of| slice_environment::slice(of, |name| std::env::var(name).ok());
        Ok(match self.slice {
            None => Share::All,
            Some(ChosenSlice::This(slice)) => Share::Slice(slice),
            Some(ChosenSlice::OfEnvironment(of)) => Share::Slice(of_environment(of)?),
        })
    }
}

/// `3/16`, `auto` or `auto/16`.
fn chosen(text: &str) -> Result<ChosenSlice, String> {
    let chosen = match text.strip_prefix("auto") {
        Some("") => return Ok(ChosenSlice::OfEnvironment(None)),
        // What holds for the number of slices is known once one is named.
        Some(of) if of.starts_with('/') => {
            format!("0{of}").parse().map(|slice: Slice| ChosenSlice::OfEnvironment(Some(slice.of())))
        }
        _ => text.parse().map(ChosenSlice::This),
    };
    chosen.map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_numbers_or_the_environment_s() {
        assert_eq!(chosen("3/16"), Ok(ChosenSlice::This(Slice::new(3, 16).unwrap())));
        assert_eq!(chosen("auto"), Ok(ChosenSlice::OfEnvironment(None)));
        assert_eq!(chosen("auto/16"), Ok(ChosenSlice::OfEnvironment(Some(16))));
        for wrong in ["16/16", "auto/0", "auto16", "auto/", "3", "automatic"] {
            assert!(chosen(wrong).is_err(), "{wrong}");
        }
    }
}
