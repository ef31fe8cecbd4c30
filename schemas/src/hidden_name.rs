//! Names of the files that stand beside an output for a while: hidden, told by the output's own name, and never too
//! long.
//!
//! ```text
//! .NAME.Xf3k9Q.part      an output in the making            .NAME.lock      the lock of an output
//! ```
//!
//! A name has 255 bytes at most. Of one that leaves no room the beginning is taken, and a check sum of all of it.

use std::ffi::{OsStr, OsString};

/// Bytes of an output's name that leave room for what is put around it.
const LONGEST: usize = 200;

/// What a hidden name begins with: a dot, the output's name or what stands for it, a dot.
pub(crate) fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    let bytes = name.as_encoded_bytes();
    if bytes.len() <= LONGEST {
        prefix.push(name);
    } else {
        let text = name.to_string_lossy();
        prefix.push(&text[..text.floor_char_boundary(LONGEST - 20)]);
        prefix.push(format!("~{:016x}", fnv(bytes)));
    }
    prefix.push(".");
    prefix
}

/// FNV-1a: the same in every version and on every machine.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_stays_and_a_long_one_is_cut_but_not_mistaken_for_another() {
        assert_eq!(prefix(OsStr::new("a.parquet")), ".a.parquet.");
        let long = |end: &str| prefix(OsStr::new(&("é".repeat(126) + end)));
        assert!(long("a").len() <= LONGEST + 2 && long("a").to_str().is_some_and(|text| text.contains("é~")));
        assert_ne!(long("a"), long("b"));
    }
}
