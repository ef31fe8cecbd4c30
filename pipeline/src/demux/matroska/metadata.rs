//! Tags, chapters and attachments: nothing of them is used, and still their elements must lie within each other.
//!
//! FFmpeg reads them and reports one that ends behind the element that holds it. Such a film was damaged in more than
//! its tags as a rule, so that it is refused.

use super::{
    element::{Element, Reader},
    fault::Fault,
    ids,
};

/// Masters within each other: FFmpeg reads no more (`EBML_MAX_DEPTH`).
const DEPTH: usize = 16;

/// Checks the elements in `top`, if it is one of these.
pub(super) fn check(reader: &mut Reader<'_>, top: &Element) -> Result<(), Fault> {
    if !ids::is_metadata(top.id) {
        return Ok(());
    }
    let mut open = vec![top.children()];
    while let Some(children) = open.last_mut() {
        match children.next(reader)? {
            None => {
                open.pop();
            }
            Some(element) if ids::is_master_of_metadata(element.id) => {
                if open.len() == DEPTH {
                    return Err(Fault::Broken { at: element.at, what: "lies too deep" });
                }
                open.push(element.children());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::file::FileBytes;

    fn checked(bytes: &[u8]) -> Result<(), Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        std::fs::write(&path, bytes).unwrap();
        let file = FileBytes::open(&path, 1 << 20).unwrap();
        let mut reader = Reader::new(&file, Instant::now() + Duration::from_secs(60));
        let top = reader.element(0, None).unwrap();
        check(&mut reader, &top)
    }

    /// An element of up to 126 bytes.
    fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
        [id, &[0x80 | body.len() as u8], body].concat()
    }

    const TAGS: [u8; 4] = [0x12, 0x54, 0xc3, 0x67];
    const TAG: [u8; 2] = [0x73, 0x73];
    const SIMPLE_TAG: [u8; 2] = [0x67, 0xc8];

    #[test]
    fn tags_lie_within_each_other() {
        let name = element(&[0x45, 0xa3], b"ENCODER");
        let whole = element(&TAGS, &element(&TAG, &element(&SIMPLE_TAG, &name)));
        assert_eq!(checked(&whole), Ok(()));
        // The name is said to be longer than the tag that holds it.
        let mut damaged = whole.clone();
        let at = damaged.windows(2).position(|id| id == [0x45, 0xa3]).unwrap() + 2;
        damaged[at] += 1;
        assert!(matches!(checked(&damaged), Err(Fault::Broken { .. })));
    }

    #[test]
    fn tags_in_tags_without_end_are_refused() {
        let nested = |depth: usize| (0..depth).fold(Vec::new(), |inner, _| element(&SIMPLE_TAG, &inner));
        assert_eq!(checked(&element(&TAGS, &element(&TAG, &nested(10)))), Ok(()));
        assert!(matches!(checked(&element(&TAGS, &element(&TAG, &nested(20)))), Err(Fault::Broken { .. })));
    }
}
