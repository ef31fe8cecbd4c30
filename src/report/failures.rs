//! Videos that failed, with their reasons.

use std::collections::BTreeMap;

use super::{
    html::{Cell, table},
    numbers::count,
    page::Page,
};

/// Videos that are named.
const NAMED: usize = 200;

/// A video that failed.
pub struct Failed<'a> {
    /// Its name.
    pub video: &'a str,
    /// The stable word of what is wrong.
    pub verdict: &'a str,
    /// What is wrong, in a sentence.
    pub reason: &'a str,
}

/// How many there are of each verdict, and the first of them by name.
pub fn write(page: &mut Page, failed: &[Failed<'_>]) {
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    failed.iter().for_each(|failed| *verdicts.entry(failed.verdict).or_default() += 1);
    let mut verdicts: Vec<(&str, u64)> = verdicts.into_iter().collect();
    verdicts.sort_by_key(|(_, videos)| std::cmp::Reverse(*videos));
    let row = |(verdict, videos): &(&str, u64)| {
        let bar = Cell::bar(*videos as f64 / failed.len() as f64);
        vec![Cell::text(*verdict), Cell::number(count(*videos)), bar]
    };
    page.html(&table(&["verdict", "videos", ""], &verdicts.iter().map(row).collect::<Vec<_>>()));
    let row = |failed: &Failed<'_>| [failed.video, failed.verdict, failed.reason].map(Cell::text).into();
    let rows: Vec<Vec<Cell>> = failed.iter().take(NAMED).map(row).collect();
    let more = match failed.len() - rows.len() {
        0 => String::new(),
        more => format!(", the first {NAMED} of {}", count((more + NAMED) as u64)),
    };
    page.folded(&format!("Which videos, and why{more}"), &table(&["video", "verdict", "reason"], &rows));
}
