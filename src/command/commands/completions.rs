//! `tubelet completions`: what a shell needs to complete the command's words, and its manual; both are made of the same
//! description as `--help`.

use std::{io::Write as _, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Command;
use clap_complete::Shell;

use crate::{Usage, command::terminal::Terminal, output_lock};

/// Print what a shell needs to complete commands and options, or write the manual
///
/// A shell reads it from a file: bash from ~/.local/share/bash-completion/completions/tubelet, zsh from
/// _tubelet in a folder of $fpath, fish from ~/.config/fish/completions/tubelet.fish. --man writes a page of the
/// manual for each command into a folder (`man -l FOLDER/tubelet-scan.1` shows one).
///
/// Example: tubelet completions bash > ~/.local/share/bash-completion/completions/tubelet
#[derive(clap::Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL", required_unless_present = "man")]
    shell: Option<Shell>,
    /// Write the manual into this folder, a page per command
    #[arg(long, value_name = "FOLDER", conflicts_with = "shell")]
    man: Option<PathBuf>,
}

/// Runs it for the commands as they are described.
pub fn run(arguments: &Arguments, mut described: Command) -> Result<()> {
    if let Some(folder) = &arguments.man {
        let _lock = output_lock::folder(folder, &Terminal::default())?;
        let written = || format!("{} cannot be written", pipeline::names::shown(folder));
        std::fs::create_dir_all(folder).with_context(written)?;
        return clap_mangen::generate_to(described, folder).with_context(written);
    }
    let shell = arguments.shell.ok_or_else(|| Usage::new("no shell is named"))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut described, "tubelet", &mut script);
    Ok(std::io::stdout().lock().write_all(&script)?)
}
