//! `tubelet bench`: how fast this machine loads clips, and trains.

mod load;
mod profile_table;
mod train;
mod views;

use anyhow::Result;
use clap::Subcommand;

/// Measure loading, training and testing on this machine; prints one JSON object
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Load(load::Arguments),
    Train(train::Arguments),
    Views(views::Arguments),
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.what {
        What::Load(arguments) => load::run(&arguments),
        What::Train(arguments) => train::run(&arguments),
        What::Views(arguments) => views::run(&arguments),
    }
}
