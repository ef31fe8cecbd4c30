//! What the command says: errors with their exit codes, progress, tables, plain-word durations.
//!
//! Data goes to stdout, everything here to stderr. Bars are drawn on a terminal only; elsewhere one
//! plain line is written every [`PLAIN_EVERY`].

use std::{
    fmt::Display,
    io::{IsTerminal as _, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::Usage;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pipeline::names;
use trainer::train::world::WorldError;

/// How often progress is said where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Logs go to stderr; `RUST_LOG` chooses what, warnings and errors by default.
pub fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .without_time()
        .with_target(false)
        .init();
}

/// Says what went wrong, once, and chooses the exit code.
pub fn error(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let elsewhere = error.downcast_ref::<crate::Error>().and_then(crate::Error::of_world);
    let code = |usage| ExitCode::from(if usage { 2 } else { 1 });
    if let Some(&WorldError::Elsewhere { usage, rank: 1.. }) = elsewhere {
        // The process that failed says why, and the first one that it did.
        return code(usage);
    }
    // A message that already ends in its cause's words does not say them twice.
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    let mut stderr = std::io::stderr().lock();
    // Nothing is left to tell if stderr itself is gone.
    let _ = writeln!(stderr, "error: {}", lines(&message));
    match usage(error) {
        Some(usage) => {
            if let Some(hint) = usage.hinted() {
                let _ = writeln!(stderr, "\nhint: {}", lines(hint));
            }
            code(true)
        }
        None => code(matches!(elsewhere, Some(&WorldError::Elsewhere { usage: true, .. }))),
    }
}

/// The usage error that an error is: the command's own, or the library's.
fn usage(error: &anyhow::Error) -> Option<&Usage> {
    error.downcast_ref::<Usage>().or_else(|| error.downcast_ref::<crate::Error>()?.usage())
}

/// Whether whoever read the output has left.
fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = match cause.downcast_ref::<crate::Error>() {
        Some(crate::Error::Io(io)) => Some(io),
        Some(crate::Error::Caller(cause)) => cause.downcast_ref::<std::io::Error>(),
        _ => cause.downcast_ref::<std::io::Error>(),
    };
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Progress through a known number of things.
pub struct Progress {
    bar: ProgressBar,
    terminal: bool,
    said: Instant,
}

impl Progress {
    /// `total` things named `what`, such as "videos".
    pub fn new(total: u64, what: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target =
            if terminal { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = format!("{{bar:30}} {{pos}}/{{len}} {what}  {{msg}}  {{eta}} left");
        bar.set_style(
            ProgressStyle::with_template(&template)
                .expect("because the template is fixed but for one plain word")
                .progress_chars("█▌ "),
        );
        Self { bar, terminal, said: Instant::now() }
    }

    /// `done` things are done; `message` says what else is to be known.
    pub fn at(&mut self, done: u64, message: impl Display) {
        let message = message.to_string();
        self.bar.set_position(done);
        if !self.terminal && self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            say(format_args!("{done}/{} {message}", self.bar.length().unwrap_or(0)));
        }
        self.bar.set_message(message);
    }

    /// A line that stays, above the bar where there is one.
    pub fn say(&self, line: impl Display) {
        self.bar.suspend(|| say(line));
    }

    /// Leaves the bar as it stands.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// One plain line to stderr.
pub fn say(line: impl Display) {
    // Nothing is left to tell if stderr itself is gone.
    let _ = writeln!(std::io::stderr().lock(), "{}", lines(&line.to_string()));
}

/// Says how much of films and shards came from object stores, if any did.
pub fn say_fetched() {
    let (bytes, requests) = pipeline::store::fetched();
    if requests > 0 {
        say(format_args!(
            "{:.2} MB were read from object stores, in {requests} requests",
            bytes as f64 / 1e6
        ));
    }
}

/// Text without control characters other than the ends of its lines: what a file is called must not steer the
/// terminal.
fn lines(text: &str) -> String {
    text.split('\n').map(names::one_line).collect::<Vec<_>>().join("\n")
}

/// Left-aligned columns, two spaces apart; the first row is the head.
pub fn table(rows: &[Vec<String>]) -> String {
    // A name with a line break must not make two rows of one.
    let rows: Vec<Vec<_>> =
        rows.iter().map(|row| row.iter().map(|cell| names::one_line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
            format!("{}\n", cells.join("  ").trim_end())
        })
        .collect()
}

/// A duration as people say it: `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86400, whole % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["codec", "videos"], ["h264", "3"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows), "codec  videos\nh264   3\n");
    }

    #[test]
    fn durations_are_said_in_two_units() {
        assert_eq!(duration(3.24), "3.2 s");
        assert_eq!(duration(250.0), "4 min 10 s");
        assert_eq!(duration(7500.0), "2 h 5 min");
        assert_eq!(duration(273_600.0), "3 d 4 h");
    }
}
