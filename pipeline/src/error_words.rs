//! All that an error says, its causes among it.

use std::error::Error;

/// What an error and its causes say, none of it twice: a message may end in its cause's words.
pub fn with_causes(error: &dyn Error) -> String {
    let (mut words, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let more = cause.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        next = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Above {
        words: &'static str,
        source: io::Error,
    }

    #[test]
    fn causes_are_said_once() {
        let above = |words| with_causes(&Above { words, source: io::Error::other("the disk is full") });
        assert_eq!(above("a.mp4 is not written"), "a.mp4 is not written: the disk is full");
        assert_eq!(above("a.mp4: the disk is full"), "a.mp4: the disk is full");
    }
}
