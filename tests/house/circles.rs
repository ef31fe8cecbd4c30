//! Files that reach each other by imports.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::Imports;

/// The circles, largest first: sets of files each of which reaches each other one.
pub fn find(imports: &Imports) -> Vec<BTreeSet<&String>> {
    let ahead: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|file| (file, reached(imports, file))).collect();
    let mut circles: Vec<BTreeSet<&String>> = Vec::new();
    for file in imports.keys() {
        if circles.iter().any(|circle| circle.contains(file)) {
            continue;
        }
        let leads_back = |other: &&String| ahead.get(other).is_some_and(|reached| reached.contains(file));
        let circle: BTreeSet<&String> = ahead[file].iter().copied().filter(leads_back).collect();
        if !circle.is_empty() {
            circles.push(circle);
        }
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// All files that `from` imports, and those that these import, and so on.
fn reached<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for to in imports.get(file).into_iter().flat_map(|imported| imported.keys()) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

#[test]
fn a_circle_is_found_and_a_chain_is_none() {
    let arrow = |from: &str, to: &str| {
        (
            from.to_owned(),
            [(to.to_owned(), String::new())].into_iter().filter(|(to, _)| !to.is_empty()).collect(),
        )
    };
    let imports: Imports = [arrow("a", "b"), arrow("b", "c"), arrow("c", "b"), arrow("d", "")].into();
    let found = find(&imports);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].iter().map(|file| file.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}
