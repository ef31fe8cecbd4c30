//! What CONTRIBUTING.md promises of the sources: no circle of imports, short files, short functions, no `unwrap`.

mod circles;
mod imports;
mod source;

use source::{Crate, File};

/// Lines of a file, but for kernels, tests and tables.
const LONGEST_FILE: usize = 400;
/// Lines of a function.
const LONGEST_FUNCTION: usize = 60;

/// Files that may be longer than [`LONGEST_FILE`], and why.
const LONG_FILES: [(&str, &str); 1] = [("trainer/src/kernels/", "kernels")];

/// Functions that may be longer than [`LONGEST_FUNCTION`], and why.
const LONG_FUNCTIONS: [(&str, &str, &str); 1] =
    [("pipeline/src/dataset/manifest/columns.rs", "to_rows", "a table: a line a column")];

/// Files that are compiled for tests only (`#[cfg(test)] mod …`).
const TEST_FILES: [&str; 2] = ["src/command/hints.rs", "schemas/src/whole_file/crash.rs"];

fn crates() -> Vec<Crate> {
    ["schemas/src", "pipeline/src", "trainer/src", "src", "python/src"].map(Crate::read).into()
}

/// Source files of all crates, without the files of tests.
fn files(crates: &[Crate]) -> impl Iterator<Item = &File> {
    crates
        .iter()
        .flat_map(|member| member.files.values())
        .filter(|file| !file.is_test && !TEST_FILES.contains(&file.path.as_str()))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut found = String::new();
    for member in crates() {
        let imports = imports::of_crate(&member);
        for circle in circles::find(&imports) {
            found += &format!("circle of {} files:\n", circle.len());
            for from in &circle {
                for (to, name) in imports[*from].iter().filter(|(to, _)| circle.contains(*to)) {
                    found += &format!("  {from} -> {to}: {name}\n");
                }
            }
        }
    }
    assert!(found.is_empty(), "files import each other in a circle:\n{found}");
}

#[test]
fn every_file_and_function_is_short() {
    let mut long = String::new();
    for file in files(&crates()) {
        let lines = file.text.lines().count();
        if lines > LONGEST_FILE && !LONG_FILES.iter().any(|(path, _)| file.path.starts_with(path)) {
            long += &format!("{} has {lines} lines, more than {LONGEST_FILE}\n", file.path);
        }
        for (name, lines) in file.functions() {
            let may = LONG_FUNCTIONS.iter().any(|(path, allowed, _)| file.path == *path && name == *allowed);
            if lines > LONGEST_FUNCTION && !may {
                long +=
                    &format!("{}: fn {name} has {lines} lines, more than {LONGEST_FUNCTION}\n", file.path);
            }
        }
    }
    assert!(long.is_empty(), "split these by what they do:\n{long}");
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    let crates = crates();
    let unwraps: Vec<String> = files(&crates)
        .flat_map(|file| file.lines_with(".unwrap()").map(move |line| format!("{}:{line}", file.path)))
        .collect();
    assert!(unwraps.is_empty(), "an error is passed on, or `expect` says why there is none: {unwraps:?}");
}

#[test]
fn every_file_says_first_what_it_is() {
    let silent: Vec<String> = crates()
        .iter()
        .flat_map(|member| member.files.values())
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path.clone())
        .collect();
    assert!(silent.is_empty(), "files without `//!` at their top: {silent:?}");
}
