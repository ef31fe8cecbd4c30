//! The words of verdicts, as a process that decodes may say them to the one that asked it.

/// The verdicts on films, all but what the system says.
const VERDICTS: [&str; 25] = [
    "cannot-open",
    "caps-changed",
    "codec-changed",
    "container-damaged",
    "damaged",
    "decoder-crashed",
    "edit-list",
    "element-missing",
    "encrypted",
    "frames-missing",
    "no-such-frame",
    "no-video-stream",
    "not-a-video",
    "nothing-decoded",
    "nothing-shown",
    "odd-turn",
    "out-of-order",
    "packets-missing",
    "panicked",
    "sizes-differ",
    "time-limit",
    "too-large",
    "truncated",
    "unknown-codec",
    "unsupported",
];

/// The verdict of this word, if it is one.
pub(crate) fn verdict_named(word: &str) -> Option<&'static str> {
    VERDICTS.into_iter().find(|verdict| *verdict == word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::VERDICTS;

    #[test]
    fn every_verdict_is_listed() {
        let said = |file: &'static str| {
            let body = file.split("fn verdict(&self)").nth(1).unwrap().split("\n    }\n").next().unwrap();
            body.split('"').skip(1).step_by(2).collect::<Vec<_>>()
        };
        let mut words: BTreeSet<&str> = said(include_str!("error.rs")).into_iter().collect();
        words.extend(said(include_str!("worker_pool/worker.rs")));
        words.remove("system");
        assert_eq!(words, VERDICTS.into_iter().collect());
    }
}
