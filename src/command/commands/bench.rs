//! `tubelet bench`: how fast this machine loads clips, and trains.

mod all;
mod load;
mod products;
mod profile_table;
mod train;
mod views;

use anyhow::Result;
use clap::Subcommand;

/// Measure loading, training and testing on this machine; prints one JSON object, `all` a table
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    All(all::Arguments),
    Load(load::Arguments),
    Products(products::Arguments),
    Train(train::Arguments),
    Views(views::Arguments),
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.what {
        What::All(arguments) => all::run(&arguments),
        What::Load(arguments) => load::run(&arguments),
        What::Products(arguments) => products::run(&arguments),
        What::Train(arguments) => train::run(&arguments),
        What::Views(arguments) => views::run(&arguments),
    }
}
