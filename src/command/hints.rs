//! Every hint works: whatever command or option the code's own words name is there, where these words are said.
//!
//! The test reads the sources of the workspace, takes their string literals out, and looks in each for
//!
//! ```text
//! `tubelet VERB …`     a command line: its command and every option must exist
//! --option             an option: it must exist in every command that can say so (REACHED, by file)
//! --set KEY=VALUE      a setting: the key must be one of a recipe's
//! ```
//!
//! Comments and tests say what they like. A file that names an option and is not in the table fails the test.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _};
use trainer::Recipe;

use crate::command::Arguments;

/// Which commands can say what stands in a file, where the file is not a command's own. The longest match counts.
const REACHED: [(&str, &[&str]); 44] = [
    ("src/class_counts.rs", &["finetune", "probe"]),
    ("src/convert.rs", &["convert"]),
    ("src/data/labelled.rs", &["finetune", "evaluate", "predict", "probe", "embed", "stream"]),
    ("src/data/labels/", &["finetune", "probe"]),
    ("src/data/labels/answers.rs", &["finetune", "evaluate"]),
    ("src/data/masked.rs", &["pretrain", "reconstruct", "inspect batches", "stream"]),
    ("src/data/preprocess", &["preprocess"]),
    ("src/data/report.rs", &["pretrain", "finetune"]),
    ("src/evaluate.rs", &["evaluate"]),
    ("src/inference/embed", &["embed"]),
    ("src/inference/model.rs", &["evaluate", "predict", "probe", "embed", "bench views"]),
    ("src/inference/prediction_files.rs", &["evaluate"]),
    ("src/inference/probe", &["probe"]),
    ("src/inference/reconstruct.rs", &["reconstruct"]),
    ("src/memory.rs", &["pretrain"]),
    ("src/report/serve.rs", &["report"]),
    ("src/run/", &["pretrain", "finetune"]),
    ("src/run/finetune.rs", &["finetune"]),
    ("src/run/labelled.rs", &["finetune"]),
    ("src/run/pretrain.rs", &["pretrain"]),
    ("src/slices/", &["scan", "preprocess", "embed", "evaluate"]),
    ("src/command/slice_environment.rs", &["scan", "preprocess", "embed", "evaluate"]),
    ("src/command/terminal/classes.rs", &["finetune", "probe"]),
    ("src/command/terminal/training.rs", &["pretrain", "finetune"]),
    ("src/weights.rs", &["finetune"]),
    ("src/command/commands/bench/all.rs", &["bench products"]),
    ("src/command/commands/bench/all/loading.rs", &["bench load"]),
    ("src/command/commands/bench/all/steps.rs", &["bench train"]),
    ("src/command/commands/bench/", &["bench views"]),
    ("src/command/commands/convert.rs", &["convert"]),
    ("src/command/commands/embed", &["embed"]),
    ("src/command/commands/evaluate", &["evaluate"]),
    ("src/command/commands/finetune", &["finetune"]),
    ("src/command/commands/inspect/run.rs", &["pretrain", "finetune"]),
    ("src/command/commands/predict", &["predict"]),
    ("src/command/commands/preprocess", &["preprocess"]),
    ("src/command/commands/pretrain", &["pretrain"]),
    ("src/command/commands/probe", &["probe"]),
    ("src/command/commands/reconstruct.rs", &["reconstruct"]),
    ("src/command/commands/scan", &["scan"]),
    ("src/command/commands/stream.rs", &["stream"]),
    ("trainer/src/train/initial_weights.rs", &["pretrain", "finetune"]),
    ("trainer/src/train/initial_pretraining.rs", &["pretrain"]),
    (
        "trainer/src/checkpoint/error.rs",
        &["evaluate", "predict", "probe", "embed", "convert", "reconstruct", "inspect checkpoint"],
    ),
];

/// Options of other programs, and prefixes of words that are no options.
const OTHERS: [&str; 3] = ["--features", "--gpu-architecture", "--array"];

/// A literal, and where it stands.
struct Words {
    file: String,
    line: usize,
    text: String,
}

#[test]
fn every_command_and_option_that_is_named_is_there() {
    let mut wrong = Vec::new();
    let mut named = 0;
    for words in literals() {
        for command in lines_of(&words.text) {
            named += 1;
            wrong.extend(check_line(&command).err().map(|why| said(&words, &why)));
        }
        let outside = without_lines(&words.text);
        let options = options_of(&outside);
        if options.is_empty() {
            continue;
        }
        let Some(commands) = reached(&words.file) else {
            wrong.push(said(&words, "is in no row of REACHED"));
            continue;
        };
        for option in options {
            named += 1;
            for command in commands {
                if !has(&find(command).expect("because REACHED names commands"), &option) {
                    wrong.push(said(&words, &format!("`tubelet {command}` has no {option}")));
                }
            }
        }
    }
    // Weights to begin with are read without asking for frames and their size, but heads may be asked for.
    for command in ["pretrain", "finetune"] {
        assert!(has(&find(command).unwrap(), "--heads"), "{command}");
    }
    assert!(named > 60, "only {named} were found: is it still looked for in the right places?");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_setting_that_is_named_is_there() {
    let keys = keys();
    let mut wrong = Vec::new();
    for words in literals() {
        for (at, _) in words.text.match_indices("--set ") {
            let rest = &words.text[at + "--set ".len()..];
            let Some((key, _)) = rest.split_once('=') else { continue };
            if key.contains(['{', ' ', '<']) || key == "KEY" || key == "k" {
                continue;
            }
            if !keys.contains(key) {
                wrong.push(said(&words, &format!("there is no setting {key}")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_option_that_a_help_text_names_is_one_of_its_command() {
    let mut wrong = Vec::new();
    let mut command = Arguments::command();
    command.build();
    helps(&command, &mut wrong);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn helps(command: &Command, wrong: &mut Vec<String>) {
    let own = [command.get_about(), command.get_long_about(), command.get_after_help()].into_iter().flatten();
    let arguments = command.get_arguments();
    let of_arguments =
        arguments.flat_map(|argument| [argument.get_help(), argument.get_long_help()]).flatten();
    for text in own.chain(of_arguments).map(ToString::to_string) {
        let (lines, outside) = (lines_of(&text), without_lines(&text));
        wrong.extend(lines.iter().filter_map(|line| check_line(line).err()));
        for example in text.lines().filter_map(|line| line.trim().strip_prefix("Example: ")) {
            wrong.extend(check_line(example).err());
        }
        let outside: String = outside.lines().filter(|line| !line.trim().starts_with("Example: ")).collect();
        for option in options_of(&outside).into_iter().filter(|option| !has(command, option)) {
            wrong.push(format!("the help of `{}` names {option}: {text:?}", command.get_name()));
        }
    }
    // `help` repeats the others without their options.
    let others = command.get_subcommands().filter(|command| command.get_name() != "help");
    others.for_each(|command| helps(command, wrong));
}

fn said(words: &Words, why: &str) -> String {
    format!("{}:{}: {why}: {:?}", words.file, words.line, words.text)
}

/// Names of all settings, `section.key`.
fn keys() -> BTreeSet<String> {
    Recipe::default().settings().into_iter().map(|(key, _)| key).collect()
}

fn reached(file: &str) -> Option<&'static [&'static str]> {
    let rows = REACHED.iter().filter(|(prefix, _)| file.starts_with(prefix));
    rows.max_by_key(|(prefix, _)| prefix.len()).map(|(_, commands)| *commands)
}

/// The command of these words, such as `inspect checkpoint`.
fn find(words: &str) -> Option<Command> {
    let mut command = Arguments::command();
    command.build();
    for word in words.split(' ') {
        command = command.find_subcommand(word)?.clone();
    }
    Some(command)
}

fn has(command: &Command, option: &str) -> bool {
    let name = option.trim_start_matches("--");
    let names = |argument: &clap::Arg| {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        argument.get_long() == Some(name) || aliases.contains(&name)
    };
    name == "help" || command.get_arguments().any(names)
}

/// Checks a command line that is named: its words up to an option are commands, its options are theirs.
fn check_line(line: &str) -> Result<(), String> {
    let mut words = line.split_whitespace().skip(1).peekable();
    let mut command = Arguments::command();
    command.build();
    let mut any = false;
    while let Some(word) = words.peek() {
        let Some(found) = command.find_subcommand(word).cloned() else { break };
        (command, any) = (found, true);
        words.next();
    }
    if !any {
        return Err(format!("`{line}` names no command"));
    }
    if command.has_subcommands() && words.peek().is_some() {
        return Err(format!("`{line}`: there is no such command"));
    }
    match options_of(line).into_iter().find(|option| !has(&command, option)) {
        Some(option) => Err(format!("`{line}`: there is no {option}")),
        None => Ok(()),
    }
}

/// Command lines between backticks.
fn lines_of(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|part| part.starts_with("tubelet ")).map(str::to_owned).collect()
}

fn without_lines(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let kept = parts.filter(|(at, part)| at % 2 == 0 || !part.starts_with("tubelet "));
    kept.map(|(_, part)| part).collect::<Vec<_>>().join(" ")
}

/// Words that begin with two dashes and a letter.
fn options_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("--") {
        let before = text[..at].chars().next_back();
        let name: String = text[at + 2..]
            .chars()
            .take_while(|letter| letter.is_ascii_lowercase() || *letter == '-')
            .collect();
        let name = name.trim_end_matches('-');
        let begins = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '-');
        let option = format!("--{name}");
        if begins && name.len() > 1 && !OTHERS.contains(&option.as_str()) {
            found.push(option);
        }
    }
    found
}

/// String literals of the workspace's sources, without tests.
fn literals() -> Vec<Words> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "trainer/src", "pipeline/src", "schemas/src"] {
        sources(&root.join(folder), &mut files);
    }
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if file == "src/command/hints.rs" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        found.extend(strings(code).into_iter().map(|(line, text)| Words { file: file.clone(), line, text }));
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The literals `"…"` of a source with their lines; comments are passed over.
fn strings(code: &str) -> Vec<(usize, String)> {
    let (mut found, mut line) = (Vec::new(), 1);
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => line += 1,
            '/' if letters.peek() == Some(&'/') => {
                letters.by_ref().find(|letter| *letter == '\n');
                line += 1;
            }
            // `'"'` and `b'"'` are letters; a lifetime is none.
            '\'' if letters.peek() == Some(&'"') => drop(letters.next()),
            '"' => {
                let (begin, mut text) = (line, String::new());
                while let Some(letter) = letters.next() {
                    match letter {
                        '"' => break,
                        '\\' => match letters.next() {
                            // A line that goes on takes no blanks along.
                            Some('\n') => {
                                line += 1;
                                while letters.peek().is_some_and(|letter| letter.is_whitespace()) {
                                    line += usize::from(letters.next() == Some('\n'));
                                }
                            }
                            Some('n') => text.push('\n'),
                            Some(other) => text.push(other),
                            None => break,
                        },
                        other => {
                            line += usize::from(other == '\n');
                            text.push(other);
                        }
                    }
                }
                found.push((begin, text));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn literals_are_found_and_comments_are_not() {
    let code = "// \"no\"\nlet a = \"one\"; let b = '\"'; /// --no\nf(\"two \\\n      words\", \"a\\\"b\");";
    let found: Vec<_> = strings(code);
    assert_eq!(found, [(2, "one".to_owned()), (3, "two words".to_owned()), (4, "a\"b".to_owned())]);
    assert_eq!(options_of("`--heads N`, or --heads N,M; a--b ---- --x"), ["--heads", "--heads"]);
    assert_eq!(lines_of("see `tubelet scan --out X` and `scan`"), ["tubelet scan --out X"]);
    assert!(check_line("tubelet scan --no-such-option").is_err() && check_line("tubelet fly").is_err());
}
