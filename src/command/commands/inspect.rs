//! `tubelet inspect`: looks at what the other commands read and write.

mod batches;
mod checkpoint;
mod recipe;
mod run;

use anyhow::Result;
use clap::Subcommand;

/// Print batches, a recipe, a checkpoint, or a run
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Batches(batches::Arguments),
    Recipe(recipe::Arguments),
    Checkpoint(checkpoint::Arguments),
    Run(run::Arguments),
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.what {
        What::Batches(arguments) => batches::run(&arguments),
        What::Recipe(arguments) => recipe::run(&arguments),
        What::Checkpoint(arguments) => checkpoint::run(&arguments),
        What::Run(arguments) => run::run(&arguments),
    }
}
