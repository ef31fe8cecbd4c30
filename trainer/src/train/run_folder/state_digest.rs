//! The digest that `run.json` carries of itself, so that a bit that rotted on the disk is no setting of a run.
//!
//! ```text
//! {
//!   "format": "tubelet-run/1",
//!   …
//!   "tubelet.digest": "blake3:<64 hexadecimal digits>"      of the file's text, these digits taken as zeros
//! }
//! ```
//!
//! A file without the key is one of an older version and is read as ever; older versions pass over the key. Whoever
//! changes the file by hand takes its last line out.

/// The last key of the object.
const KEY: &str = "tubelet.digest";
/// What the digest begins with: the line is known by that too, should the key have changed.
const BEGINNING: &str = "blake3:";
/// Digits of a digest.
const DIGITS: usize = 64;

/// A JSON object as a file's text, with its digest.
pub(super) fn put_in(object: &str) -> String {
    with_digest(without_end(object))
}

/// Whether a file's text is what was written, where it has a digest.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(text: &str) -> Result<(), String> {
    let (before, last) = without_end(text).rsplit_once('\n').unwrap_or_default();
    let has_digest = last.contains(KEY) || last.contains(BEGINNING);
    if has_digest && with_digest(before.strip_suffix(',').unwrap_or(before)) != text {
        return Err("it is damaged, or was changed by hand: its content has another digest".to_owned());
    }
    Ok(())
}

/// An object without its last brace.
fn without_end(object: &str) -> &str {
    let object = object.trim_end();
    object.strip_suffix('}').unwrap_or(object).trim_end()
}

fn with_digest(open: &str) -> String {
    let with = |digits: &str| format!("{open},\n  \"{KEY}\": \"{BEGINNING}{digits}\"\n}}\n");
    let digest = blake3::hash(with(&"0".repeat(DIGITS)).as_bytes());
    with(digest.to_hex().as_str())
}
