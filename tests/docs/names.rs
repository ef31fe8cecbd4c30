//! What the documentation names is there: commands, their options, settings.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::{
    expect_none,
    markdown::{Page, root},
    pages_for_users,
};

/// Options of other programs.
const OTHERS: [&str; 7] =
    ["--array", "--features", "--no-default-features", "--quick", "--real", "--before-and-after", "--longer"];
/// A file of another project.
const FOREIGN: &str = "extract_tad_feature.py";
/// Files whose names look like settings.
const FILE_ENDINGS: [&str; 3] = ["json", "pth", "toml"];

#[test]
fn every_command_and_option_that_is_named_is_there() {
    let commands = Commands::of_the_binary();
    let (mut complaints, mut named) = (Vec::new(), 0);
    for page in pages_for_users() {
        for (line, code) in code(&page) {
            let wrong = if let Some(words) = code.strip_prefix("tubelet ") {
                commands.check(words)
            } else if code.starts_with("--") {
                commands.check_options(&code)
            } else {
                continue;
            };
            named += 1;
            complaints.extend(wrong.err().map(|why| format!("{}:{line}: `{code}`: {why}", page.name)));
        }
    }
    assert!(named > 100, "only {named} were found");
    expect_none(&complaints);
}

#[test]
fn every_setting_that_is_named_is_there() {
    let settings = settings();
    let sections: BTreeSet<&str> = settings.iter().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    let (mut complaints, mut named) = (Vec::new(), 0);
    for page in pages_for_users() {
        for (line, code) in code(&page) {
            // `clip.size`, `clip.size = 112`, or the words behind `--set`.
            let words: Vec<&str> = code.split_whitespace().collect();
            let first = words.first().copied().filter(|word| !word.starts_with('-'));
            let set = words.windows(2).filter(|pair| pair[0] == "--set").map(|pair| pair[1]);
            for word in set.chain(first) {
                let key = word.split('=').next().unwrap_or_default();
                let Some((section, name)) = key.split_once('.') else { continue };
                if !sections.contains(section) || FILE_ENDINGS.contains(&name) {
                    continue;
                }
                named += 1;
                if name != "*" && !settings.contains(key) {
                    complaints.push(format!("{}:{line}: there is no setting {key}", page.name));
                }
            }
        }
    }
    assert!(named > 100, "only {named} were found");
    expect_none(&complaints);
}

#[test]
fn the_page_of_settings_has_all_of_them() {
    let pages = pages_for_users();
    let page =
        pages.iter().find(|page| page.name == "docs/settings.md").expect("docs/settings.md is missing");
    let said: BTreeSet<String> = page.inline_code().into_iter().map(|(_, code)| code).collect();
    let left_out: Vec<String> = settings().into_iter().filter(|key| !said.contains(key)).collect();
    assert!(left_out.is_empty(), "docs/settings.md has all settings but {left_out:?}");
}

#[test]
fn every_source_file_that_is_named_is_there() {
    let walk = walkdir::WalkDir::new(root()).into_iter().filter_entry(|entry| entry.file_name() != "target");
    let files: Vec<String> = walk.map(|entry| format!("{}", entry.unwrap().path().display())).collect();
    let (mut complaints, mut named) = (Vec::new(), 0);
    for page in pages_for_users() {
        for (line, code) in page.inline_code() {
            if code.contains(' ') || ![".rs", ".sh", ".py"].iter().any(|ending| code.ends_with(ending)) {
                continue;
            }
            named += 1;
            let ending = format!("/{code}");
            if code != FOREIGN && !files.iter().any(|file| file.ends_with(&ending)) {
                complaints.push(format!("{}:{line}: there is no file {code}", page.name));
            }
        }
    }
    assert!(named > 15, "only {named} were found");
    expect_none(&complaints);
}

/// Code of a page: what stands between backticks, and the command lines of its shell blocks.
fn code(page: &Page) -> Vec<(usize, String)> {
    let mut found = page.inline_code();
    for block in page.blocks().iter().filter(|block| block.info.starts_with("sh")) {
        let joined = block.text.replace("\\\n", " ");
        let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
        found.extend(lines.filter(|line| line.starts_with("tubelet ")).map(|line| (block.line, line)));
    }
    found
}

/// Names of all settings, `section.key`, as the command prints them.
fn settings() -> BTreeSet<String> {
    let (mut keys, mut section) = (BTreeSet::new(), "");
    let printed = said(&["inspect", "recipe", "finetune-small"]);
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ") {
            // Those that are not written into a recipe unless they are set stand behind a `#`, with their section.
            match key.strip_prefix("# ") {
                Some(key) => keys.insert(key.to_owned()),
                None => keys.insert(format!("{section}.{key}")),
            };
        }
    }
    assert!(keys.len() > 50, "only {} settings were found: {keys:?}", keys.len());
    keys
}

/// The commands with their help texts, such as `inspect batches`; those above others have a text too.
struct Commands(BTreeMap<String, String>);

impl Commands {
    fn of_the_binary() -> Self {
        let mut found = BTreeMap::new();
        ask("", &mut found);
        assert!(found.len() > 15, "only {} commands were found", found.len());
        Self(found)
    }

    /// Checks the words behind `tubelet`: commands, then options and what they are given. `a|b` stands for both.
    fn check(&self, words: &str) -> Result<(), String> {
        let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
        if first.starts_with("--") {
            return self.has("", first);
        }
        for name in first.split('|') {
            let help = self.0.get(name).ok_or_else(|| format!("there is no command {name}"))?;
            if help.contains("\nCommands:\n") && !rest.is_empty() {
                let (second, options) = rest.split_once(' ').unwrap_or((rest, ""));
                for second in second.split('|') {
                    let name = format!("{name} {second}");
                    self.0.get(&name).ok_or_else(|| format!("there is no command {name}"))?;
                    options_of(options).iter().try_for_each(|option| self.has(&name, option))?;
                }
            } else {
                options_of(rest).iter().try_for_each(|option| self.has(name, option))?;
            }
        }
        Ok(())
    }

    /// Checks options that are named without their command: one must have them all.
    fn check_options(&self, words: &str) -> Result<(), String> {
        let mut options = options_of(words);
        options.retain(|option| !OTHERS.contains(&&**option));
        let has_all = |name: &String| options.iter().all(|option| self.has(name, option).is_ok());
        match self.0.keys().any(has_all) {
            true => Ok(()),
            false => Err(format!("no command has {}", options.join(" and "))),
        }
    }

    fn has(&self, command: &str, option: &str) -> Result<(), String> {
        let words = self.0[command].split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        match words.into_iter().any(|word| word == option) {
            true => Ok(()),
            false => Err(format!("`tubelet {command}` has no {option}")),
        }
    }
}

/// Asks a command for its help, and those below it.
fn ask(name: &str, found: &mut BTreeMap<String, String>) {
    let words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
    let help = said(&[&words[..], &["--help"]].concat());
    let below = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    for line in below.lines().take_while(|line| line.starts_with("  ")) {
        let Some(command) = line.split_whitespace().next().filter(|word| *word != "help") else { continue };
        ask(format!("{name} {command}").trim(), found);
    }
    found.insert(name.to_owned(), help);
}

/// What the command prints to stdout.
fn said(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tubelet")).args(arguments).output().unwrap();
    assert!(output.status.success(), "tubelet {}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// The words that begin with two dashes, up to what they are given.
fn options_of(words: &str) -> Vec<String> {
    let options = words.split_whitespace().filter(|word| word.starts_with("--"));
    options.map(|word| word.split(['=', '|']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_is_not_there_is_noticed() {
    let commands = Commands::of_the_binary();
    for right in
        ["scan films --out m.parquet --verify", "inspect batches|recipe", "bench load films --profile"]
    {
        assert_eq!(commands.check(right), Ok(()), "{right}");
    }
    for wrong in ["fly", "scan films --steps 3", "inspect batches|fish", "bench load --no-such"] {
        assert!(commands.check(wrong).is_err(), "{wrong}");
    }
    assert!(commands.check_options("--steps 300").is_ok() && commands.check_options("--step 300").is_err());
}
