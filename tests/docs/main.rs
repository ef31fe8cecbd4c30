//! The documentation is true: its links lead somewhere, what it names exists, and its commands run.

#![cfg(feature = "video")]

mod commands;
mod links;
mod markdown;
mod names;

use markdown::Page;

/// Fails with all complaints at once, a line each.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The pages that a user follows: README, everything in docs/, and how to contribute.
fn pages_for_users() -> Vec<Page> {
    let is_for_users = |page: &Page| {
        page.name.starts_with("docs/") || ["README.md", "CONTRIBUTING.md"].contains(&&*page.name)
    };
    let pages: Vec<Page> = markdown::pages().into_iter().filter(is_for_users).collect();
    assert!(pages.len() > 10, "only {} pages were found", pages.len());
    pages
}
