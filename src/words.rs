//! Lists and amounts in words.

/// The first few of many names.
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// An amount of memory: `2.26 GB`, or `314 MB`.
pub fn bytes(count: u64) -> String {
    let megabytes = count as f64 / 1e6;
    if megabytes < 1000.0 { format!("{megabytes:.0} MB") } else { format!("{:.2} GB", megabytes / 1e3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_said_in_fitting_units() {
        assert_eq!([bytes(314_000_000), bytes(2_263_000_000)], ["314 MB", "2.26 GB"]);
    }
}
