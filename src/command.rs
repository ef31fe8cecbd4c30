//! The command `tubelet`: arguments in, exit code out. What a command takes and prints stands in `commands/`; what it
//! does stands in the rest of the library.

mod arguments;
mod commands;
#[cfg(test)]
mod hints;
mod report;
mod slice_arguments;
mod slice_environment;
mod stop;
mod terminal;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes: 0 done (also when Ctrl-C stopped a run and a checkpoint was written), \
1 failed while running, 2 usage error.";

/// VideoMAE in Rust: pre-train video transformers from raw video.
#[derive(Parser)]
#[command(name = "tubelet", version, after_help = EXIT_CODES, max_term_width = 100, args_override_self = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "video")]
    Scan(commands::scan::Arguments),
    Preprocess(commands::preprocess::Arguments),
    Pretrain(commands::pretrain::Arguments),
    Probe(Box<commands::probe::Arguments>),
    Finetune(commands::finetune::Arguments),
    Evaluate(commands::evaluate::Arguments),
    Predict(commands::predict::Arguments),
    Embed(commands::embed::Arguments),
    Reconstruct(commands::reconstruct::Arguments),
    Report(commands::report::Arguments),
    Stream(Box<commands::stream::Arguments>),
    Inspect(commands::inspect::Arguments),
    #[cfg(feature = "video")]
    Frames(commands::frames::Arguments),
    Convert(commands::convert::Arguments),
    Bench(commands::bench::Arguments),
    Doctor(commands::doctor::Arguments),
    Completions(commands::completions::Arguments),
}

/// Does what a command line asks for; `arguments` begin with the name of the program. Results go to stdout, everything
/// else to stderr.
pub fn main<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    #[cfg(all(feature = "video", target_os = "linux"))]
    if arguments.get(1).is_some_and(|word| word == pipeline::sandbox::ARGUMENT) {
        return pipeline::sandbox::serve::serve();
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // A wrong word, or --help and --version. Nothing is left to tell if nobody reads it.
        Err(said) => {
            let _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    report::start_logging();
    if let Err(why) = stop::listen() {
        report::say(format_args!("note: signals end the command at once: {why}"));
    }
    let outcome = match arguments.command {
        #[cfg(feature = "video")]
        Command::Scan(arguments) => commands::scan::run(&arguments),
        Command::Preprocess(arguments) => commands::preprocess::run(&arguments),
        Command::Pretrain(arguments) => commands::pretrain::run(&arguments),
        Command::Probe(arguments) => commands::probe::run(&arguments),
        Command::Finetune(arguments) => commands::finetune::run(&arguments),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments),
        Command::Predict(arguments) => commands::predict::run(&arguments),
        Command::Embed(arguments) => commands::embed::run(&arguments),
        Command::Reconstruct(arguments) => commands::reconstruct::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Stream(arguments) => commands::stream::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(arguments),
        #[cfg(feature = "video")]
        Command::Frames(arguments) => commands::frames::run(&arguments),
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Completions(arguments) => commands::completions::run(&arguments, Arguments::command()),
    };
    report::say_fetched();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = report::error(&error);
            // Other processes of a training that this one left without a word would wait for it.
            trainer::train::join_world::abort(1);
            code
        }
    }
}
