//! Every relative link leads to a file, and its anchor to a heading of it; every page is in the book.

use std::{collections::BTreeSet, path::Path};

use crate::{
    expect_none,
    markdown::{Page, pages, root},
};

#[test]
fn every_relative_link_leads_somewhere() {
    let (mut complaints, mut followed) = (Vec::new(), 0);
    for page in pages() {
        for (line, target) in links(&page) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            if let Err(why) = follow(&page, &target) {
                complaints.push(format!("{}:{line}: {target}: {why}", page.name));
            }
        }
    }
    assert!(followed > 50, "only {followed} links were found");
    expect_none(&complaints);
}

#[test]
fn every_page_of_docs_is_in_the_book() {
    let pages = pages();
    let summary =
        pages.iter().find(|page| page.name == "docs/SUMMARY.md").expect("docs/SUMMARY.md is missing");
    let listed: BTreeSet<String> =
        links(summary).into_iter().map(|(_, target)| format!("docs/{target}")).collect();
    let is_left_out = |page: &&Page| {
        page.name.starts_with("docs/") && page.name != summary.name && !listed.contains(&page.name)
    };
    let left_out: Vec<String> = pages.iter().filter(is_left_out).map(|page| page.name.clone()).collect();
    assert!(left_out.is_empty(), "docs/SUMMARY.md lists all pages but {left_out:?}");
}

/// Targets of links and pictures, `[text](target)`, outside of code.
fn links(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, text) in page.prose() {
        assert!(!text.starts_with('[') || !text.contains("]: "), "{}:{line}: write links inline", page.name);
        // Code between backticks is no link; a link's text may have code.
        let outside: String = text.split('`').step_by(2).collect::<Vec<_>>().join("code");
        for part in outside.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            found.push((line, target.to_owned()));
        }
    }
    found
}

/// Why a target of a page's link is not there.
fn follow(page: &Page, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file = if path.is_empty() {
        root().join(&page.name)
    } else {
        root().join(&page.name).parent().unwrap_or(Path::new("")).join(path)
    };
    let file = file.canonicalize().map_err(|why| why.to_string())?;
    if !file.starts_with(root().canonicalize().unwrap()) {
        return Err("leads out of the repository".to_owned());
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let text = std::fs::read_to_string(&file).map_err(|why| why.to_string())?;
    let headings = anchors(&Page { name: path.to_owned(), text });
    match headings.iter().any(|heading| heading == anchor) {
        true => Ok(()),
        false => Err(format!("there is no such heading, but {}", headings.join(" "))),
    }
}

/// The anchors of a page's headings, as forges and mdBook make them.
fn anchors(page: &Page) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, text) in page.prose() {
        let heading = text.trim_start_matches('#');
        if heading.len() == text.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept =
            heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let same = found.iter().filter(|other| **other == anchor).count();
        found.push(if same == 0 { anchor } else { format!("{anchor}-{same}") });
    }
    found
}

#[test]
fn links_and_anchors_are_found_and_dead_ones_are_noticed() {
    let text =
        "# What `it` does, twice\n[a `b`](x.md#c) `[no](no.md)` ![p](q.png)\n```\n[no](no.md)\n# no\n```\n";
    let page = Page { name: "README.md".to_owned(), text: text.to_owned() };
    let targets: Vec<String> = links(&page).into_iter().map(|(_, target)| target).collect();
    assert_eq!(targets, ["x.md#c", "q.png"]);
    assert_eq!(anchors(&page), ["what-it-does-twice"]);
    assert!(follow(&page, "docs/SUMMARY.md").is_ok() && follow(&page, "docs/SUMMARY.md#summary").is_ok());
    assert!(follow(&page, "docs/absent.md").is_err() && follow(&page, "docs/SUMMARY.md#absent").is_err());
}
