//! The commands of the documentation run, in order, each page in an empty folder of its own.
//!
//! Blocks marked `sh` are run by bash and must succeed; blocks marked `python` too, where Python has what they import.
//! A comment `<!-- test: COMMANDS -->` prepares what a page takes for granted. A block marked `sh no-run` is not run,
//! and a comment before it says why: `<!-- not run: … -->`.
//!
//! `tubelet` is the command as it was built, behind a script that makes trainings small: whatever a page says, a
//! training has a few steps of a small model on small frames. `sample_films COUNT FOLDER…` makes short videos, none
//! of which is a copy of another.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use crate::{
    expect_none,
    markdown::{Block, Page, root},
    pages_for_users,
};

/// Languages of blocks: those that are run, and those that are only shown.
const LANGUAGES: [&str; 4] = ["sh", "python", "toml", "text"];

/// Later options go before earlier ones, so what a page says is heard and then made small.
const TUBELET: &str = r#"#!/usr/bin/env bash
set -euo pipefail
small=()
if [ "$1" = pretrain ] || [ "$1" = finetune ]; then
  steps=2
  [[ " $* " != *" --resume "* ]] || steps=3
  small=(--steps $steps)
  for setting in clip.size=32 model.encoder_depth=1 model.decoder_depth=1 optimiser.batch=2 \
    optimiser.micro_batch=0 schedule.warmup_epochs=0 schedule.warmup_steps=1 views.clips=1 views.crops=1 \
    run.seconds_per_clip=600; do
    small+=(--set "$setting")
  done
fi
exec "$REAL_TUBELET" "$@" "${small[@]}"
"#;

/// A box of 64 bytes that players pass over has the name of the file, so that no two files have the same bytes.
const SAMPLE_FILMS: &str = r#"#!/usr/bin/env bash
set -euo pipefail
count=$1
shift
films=(flower.mp4 cars.mp4)
for folder; do
  mkdir -p "$folder"
  for number in $(seq "$count"); do
    { cat "samples/${films[number % 2]}"; printf '\0\0\0\100free%-56.56s' "$folder/$number"; } > "$folder/$number.mp4"
  done
done
"#;

#[test]
fn every_command_of_the_documentation_runs() {
    let pages = pages_for_users();
    // Pages wait for each other's threads no more than their commands do.
    let complaints: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = pages.iter().map(|page| scope.spawn(|| run(page))).collect();
        running.into_iter().filter_map(|page| page.join().expect("a page's thread panicked").err()).collect()
    });
    expect_none(&complaints);
}

#[test]
fn every_block_says_what_it_is_and_why_it_is_not_run() {
    let mut complaints = Vec::new();
    for page in pages_for_users() {
        for Block { line, info, before, .. } in page.blocks() {
            let at = format!("{}:{line}", page.name);
            let (language, more) = info.split_once(' ').unwrap_or((&info, ""));
            if !LANGUAGES.contains(&language) {
                complaints.push(format!("{at}: a block is one of {LANGUAGES:?}, not {language:?}"));
            }
            let reason = before.strip_prefix("<!-- not run: ").and_then(|reason| reason.strip_suffix(" -->"));
            match (more, reason) {
                ("", None) | ("no-run", Some(_)) => {}
                ("no-run", None) => complaints.push(format!("{at}: no comment says why it is not run")),
                ("", Some(_)) => complaints.push(format!("{at}: a comment says it is not run, but it is")),
                _ => complaints.push(format!("{at}: {more:?} means nothing here")),
            }
        }
    }
    expect_none(&complaints);
}

/// Runs a page's blocks up to the first that fails.
fn run(page: &Page) -> Result<(), String> {
    let blocks: Vec<Block> =
        page.blocks().into_iter().filter(|block| ["sh", "python"].contains(&&*block.info)).collect();
    if blocks.is_empty() {
        return Ok(());
    }
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    for block in blocks {
        let output = match &*block.info {
            "sh" => in_folder(folder.path(), "bash", &["-euo", "pipefail", "-c", &block.text]),
            _ => match python_with(&block) {
                Ok(python) => in_folder(folder.path(), &python, &["-c", &block.text]),
                Err(why) => {
                    println!("not run: {}:{}: {why}", page.name, block.line);
                    continue;
                }
            },
        };
        if !output.status.success() {
            let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
            let said = said.concat();
            return Err(format!("{}:{}: {}\n{}\n{said}", page.name, block.line, output.status, block.text));
        }
    }
    Ok(())
}

/// Writes a script by another process: a file that this one has open for writing may not be run, and a process that
/// another test starts at this moment may have it open for longer.
fn write_script(path: &Path, script: &str) {
    let mut install = Command::new("install");
    install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped());
    let mut install = install.spawn().unwrap();
    install.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(install.wait().unwrap().success());
}

/// An empty folder with the sample films, and a `bin` for the PATH.
fn prepare(folder: &Path) {
    symlink(root().join("samples"), folder.join("samples")).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    for (name, script) in [("tubelet", TUBELET), ("sample_films", SAMPLE_FILMS)] {
        write_script(&folder.join("bin").join(name), script);
    }
}

fn in_folder(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG").env("NO_COLOR", "1");
    command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
    command.env("REAL_TUBELET", env!("CARGO_BIN_EXE_tubelet"));
    command.output().unwrap_or_else(|why| panic!("{program}: {why}"))
}

/// A Python that can import what a block imports, or what it lacks.
fn python_with(block: &Block) -> Result<String, String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let imports: Vec<&str> = block.text.lines().filter(|line| line.starts_with("import ")).collect();
    let output = Command::new(&python).args(["-c", &imports.join("\n")]).output();
    match output {
        Ok(output) if output.status.success() => Ok(python),
        Ok(_) => Err(format!("{python} cannot {}", imports.join(", "))),
        Err(why) => Err(format!("{python}: {why}")),
    }
}
