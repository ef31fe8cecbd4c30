//! Completions and the manual are made of the description that `--help` is made of.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{stdout, succeed, text};

/// The names of all commands, as the first help text lists them.
fn commands() -> Vec<String> {
    let help = stdout(&["--help"]);
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|name| name != "help")
        .collect()
}

/// The long options in a text.
fn options(text: &str) -> Vec<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| word.len() > 2 && word.starts_with("--") && !word.starts_with("---")).collect()
}

#[test]
fn every_shell_knows_every_command_and_bash_reads_its_script() {
    let commands = commands();
    assert!(commands.len() > 14, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell} does not know {command}");
        }
    }
    let script = stdout(&["completions", "bash"]);
    // Completes `tubelet rep` and `tubelet pretrain --rec` as bash does.
    let ask = r#"
        COMP_WORDS=(tubelet rep); COMP_CWORD=1; _tubelet tubelet rep tubelet; echo "${COMPREPLY[@]}"
        COMP_WORDS=(tubelet pretrain --rec); COMP_CWORD=2; _tubelet tubelet --rec pretrain; echo "${COMPREPLY[@]}""#;
    let Ok(output) =
        Command::new("bash").args(["-euc", &format!("{script}\n{ask}")]).stderr(Stdio::inherit()).output()
    else {
        println!("skipped: no bash");
        return;
    };
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "report\n--recipe\n");
}

#[test]
fn the_manual_has_a_page_for_each_command_with_all_its_options() {
    let folder = tempfile::tempdir().unwrap();
    succeed(&["completions", "--man", text(folder.path())]);
    for command in commands() {
        let page = fs::read_to_string(folder.path().join(format!("tubelet-{command}.1"))).unwrap();
        // In a manual, a hyphen that is to be copied has a backslash before it.
        let page = page.replace("\\-", "-");
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{command}");
        let help = stdout(&[&command, "--help"]);
        // Another name of an option stands beside it in the help, and not in a manual.
        let lines = help.lines().filter(|line| !line.contains("[alias"));
        for option in options(&lines.collect::<Vec<_>>().join("\n")) {
            assert!(page.contains(option), "the page of {command} lacks {option}");
        }
    }
}
