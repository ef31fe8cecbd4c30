//! How often a number is how large: bars.

use super::html::{Cell, table};
use super::numbers::count;

/// A row a bin: the bin in words, how many, a bar. Bins without anything at both ends are left out.
pub fn of_bins(what: &str, bins: &[(String, u64)]) -> String {
    let first = bins.iter().position(|bin| bin.1 > 0);
    let last = bins.iter().rposition(|bin| bin.1 > 0);
    let Some(bins) = first.zip(last).map(|(first, last)| &bins[first..=last]) else { return String::new() };
    let most = bins.iter().map(|bin| bin.1).max().unwrap_or(1).max(1);
    let row = |(bin, videos): &(String, u64)| {
        vec![Cell::text(bin), Cell::number(count(*videos)), Cell::bar(*videos as f64 / most as f64)]
    };
    table(&[what, "videos", ""], &bins.iter().map(row).collect::<Vec<_>>())
}

/// How many values lie between neighbouring `edges`, below the first, and from the last on; `words` says an edge.
pub fn between(
    values: impl Iterator<Item = f64>,
    edges: &[f64],
    words: impl Fn(f64) -> String,
) -> Vec<(String, u64)> {
    let mut counts = vec![0; edges.len() + 1];
    for value in values {
        counts[edges.partition_point(|edge| *edge <= value)] += 1;
    }
    let bin = |at: usize| match (at.checked_sub(1).map(|before| edges[before]), edges.get(at)) {
        (None, Some(edge)) => format!("below {}", words(*edge)),
        (Some(from), Some(to)) => format!("{} to {}", words(from), words(*to)),
        (Some(from), None) => format!("{} and more", words(from)),
        (None, None) => String::new(),
    };
    counts.into_iter().enumerate().map(|(at, count)| (bin(at), count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_from_its_edge_on() {
        let found = between([0.5, 1.0, 1.5, 2.0, 9.0].into_iter(), &[1.0, 2.0], |edge| format!("{edge} s"));
        let wanted = [("below 1 s", 1), ("1 s to 2 s", 2), ("2 s and more", 2)];
        assert_eq!(found, wanted.map(|(bin, count)| (bin.to_owned(), count)));
        let html = of_bins(
            "length",
            &[("a".into(), 0), ("b".into(), 1), ("c".into(), 0), ("d".into(), 1), ("e".into(), 0)],
        );
        assert!(
            html.contains("<td>c</td>") && !html.contains("<td>a</td>") && !html.contains("<td>e</td>"),
            "{html}"
        );
    }
}
