//! Which file of a crate names what another one defines.
//!
//! A path counts for the deepest module that it names: `crate::video::facts::Index` is an import of `video/facts.rs`, and
//! not of `video.rs`. A name that a module hands on from another one (`pub use`) counts for the file that defines it.

use std::collections::BTreeMap;

use crate::source::{Crate, is_of_name};

/// Of each file, the files that it imports, each with a path that does so.
pub type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// The imports among the files of a crate.
pub fn of_crate(member: &Crate) -> Imports {
    let sources = member.files.iter().filter(|(_, file)| !file.is_test);
    let of_file = |(module, file): (&Vec<String>, &crate::source::File)| {
        let mut imported = BTreeMap::new();
        for path in paths(&split_at_reexports(file.code()).0) {
            let Some(target) = target(member, module, &path) else { continue };
            if target != file.path {
                imported.entry(target).or_insert_with(|| path.join("::"));
            }
        }
        (file.path.clone(), imported)
    };
    sources.map(of_file).collect()
}

/// The file of the deepest module that a path in `module` names.
fn target(member: &Crate, module: &[String], path: &[String]) -> Option<String> {
    let mut at: Vec<String> = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module.split_last()?.1.to_vec(),
        child if is_module(member, &[module, &[child.to_owned()]].concat()) => {
            [module, &[child.to_owned()]].concat()
        }
        _ => return None,
    };
    for part in &path[1..] {
        if part == "super" {
            at.pop();
            continue;
        }
        at.push(part.clone());
        if !is_module(member, &at) {
            at.pop();
            // `super::Name` of a module that hands the name on
            return handed_on(member, &at, part)
                .or_else(|| member.files.get(&at).map(|file| file.path.clone()));
        }
    }
    member.files.get(&at).map(|file| file.path.clone())
}

/// The file that defines a name which `module` hands on.
fn handed_on(member: &Crate, module: &[String], name: &str) -> Option<String> {
    let (_, reexports) = split_at_reexports(member.files.get(module)?.code());
    let path = paths(&reexports).into_iter().find(|path| path.last().is_some_and(|last| last == name))?;
    target(member, module, &path)
}

/// The code without `pub use …;`, and these lines alone.
fn split_at_reexports(code: &str) -> (String, String) {
    let (mut rest, mut reexports) = (String::new(), String::new());
    for statement in code.split_inclusive(';') {
        let begins = ["pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .filter_map(|word| statement.find(word))
            .min();
        let (before, reexport) = statement.split_at(begins.unwrap_or(statement.len()));
        rest += before;
        reexports += reexport;
    }
    (rest, reexports)
}

/// A crate's root is one too.
fn is_module(member: &Crate, module: &[String]) -> bool {
    member.files.contains_key(module)
}

/// Every path with `::` in it, those of `use` with their braces taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    // `pub(in crate::video)` says who may use a name, and uses none.
    let code: String = code
        .split("pub(in ")
        .enumerate()
        .map(|(at, part)| match part.find(')') {
            Some(end) if at > 0 => &part[end..],
            _ => part,
        })
        .collect();
    let mut rest = code.as_str();
    while let Some(at) = rest.find(|letter: char| is_of_name(letter)) {
        rest = &rest[at..];
        let taken = path(rest, &[], &mut found);
        // A path that goes on behind a dot or in a generic is found when it is come to.
        rest = &rest[taken.max(1)..];
    }
    found
}

/// Reads the path at the beginning of `text` behind `before`, adds it to `found`, and says how many bytes it has.
fn path(text: &str, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let name = text.find(|letter: char| !is_of_name(letter)).unwrap_or(text.len());
    let here = [before, &[text[..name].to_owned()]].concat();
    let Some(rest) = text[name..].strip_prefix("::") else {
        if here.len() > 1 {
            found.push(here);
        }
        return name;
    };
    let begun = name + 2;
    if rest.starts_with('{') {
        return begun + group(rest, &here, found);
    }
    if rest.starts_with(is_of_name) {
        return begun + path(rest, &here, found);
    }
    // A glob, or the type arguments of a function.
    found.push(here);
    begun
}

/// Reads `{a, b::{c, d}}` behind `before`.
fn group(text: &str, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 1;
    while let Some(letter) = text[at..].chars().next() {
        if letter == '}' {
            return at + 1;
        }
        // What stands behind `as` is no path of its own, and harmless: it names no module.
        at += if is_of_name(letter) { path(&text[at..], before, found) } else { letter.len_utf8() };
    }
    at
}
