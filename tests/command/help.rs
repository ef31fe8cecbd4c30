//! Every help text as it is printed; the texts are in `snapshots/`.
//!
//! Whoever changes one runs `INSTA_UPDATE=always cargo test --test command help`, and reads the difference.

use crate::stdout;

/// The commands that a help text lists, without `help` itself.
fn commands(help: &str) -> Vec<String> {
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that goes on in a second line stands further to the right.
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Compares both help texts of a command, and of all commands below it; says how many commands these are.
fn compare(words: &[String]) -> usize {
    let ask = |option: &str| {
        let words: Vec<&str> = words.iter().map(String::as_str).chain([option]).collect();
        stdout(&words)
    };
    let (short, long) = (ask("-h"), ask("--help"));
    let name = [&["tubelet".to_owned()], words].concat().join("-");
    insta::assert_snapshot!(format!("{name}-short-help"), short);
    insta::assert_snapshot!(format!("{name}-help"), long);
    let below = commands(&long);
    1 + below.into_iter().map(|command| compare(&[words, &[command]].concat())).sum::<usize>()
}

/// Every command that has none below it, such as `inspect run`.
pub fn leaves() -> Vec<String> {
    fn below(words: &[String]) -> Vec<String> {
        let line: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let found = commands(&stdout(&line));
        if found.is_empty() {
            return vec![words.join(" ")];
        }
        found.into_iter().flat_map(|command| below(&[words, &[command]].concat())).collect()
    }
    below(&[])
}

#[test]
fn every_help_text_is_the_one_that_was_read() {
    assert!(compare(&[]) > 18, "commands are missing in the list of the first help text");
}
