//! What a store says when it does not answer: an error of the system, which says nothing about a film.

use std::{error::Error, io};

use schemas::secrets::without_secrets;

/// A store does not give or take what it was asked to, though it was asked several times.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreFailure(String);

impl StoreFailure {
    /// The failure in these words, of which no secret is kept.
    pub fn error(words: &str) -> io::Error {
        io::Error::other(Self(without_secrets(&without_body(words)).into_owned()))
    }

    /// Whether a request was answered, and the answer ended early.
    #[cfg(feature = "cloud")]
    pub(super) fn is_of_a_body(error: &io::Error) -> bool {
        Self::in_error(error).is_some_and(|failure| failure.0.contains("response body"))
    }

    /// The store's failure that an error is or comes from.
    pub fn in_error(error: &io::Error) -> Option<&Self> {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(failure) = error.downcast_ref() {
                return Some(failure);
            }
            // What an error of the system holds is not its source: that is the source of what it holds.
            let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = held.map_or_else(|| error.source(), |held| Some(held));
        }
        None
    }
}

/// Words without the document that a store sends: of that only what went wrong, and not who asked.
fn without_body(words: &str) -> String {
    let Some((before, body)) = words.split_once('<') else { return words.to_owned() };
    let said = |name: &str| {
        let (_, after) = body.split_once(&format!("{name}>"))?;
        Some(after.split_once('<')?.0)
    };
    let said: Vec<&str> = [said("Code"), said("Message")].into_iter().flatten().collect();
    format!(
        "{}{}",
        before.trim_end_matches([':', ' ']),
        said.iter().map(|it| format!(": {it}")).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_found_in_what_others_make_of_it() {
        let failure = StoreFailure::error("status 503");
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, failure));
        assert_eq!(StoreFailure::in_error(&wrapped).unwrap().to_string(), "status 503");
        assert!(StoreFailure::in_error(&io::Error::other("status 503")).is_none());
    }

    #[test]
    fn of_what_a_store_sends_only_code_and_message_are_kept() {
        let sent = "status 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
            <Message>It is wrong</Message><AWSAccessKeyId>AKIA1</AWSAccessKeyId><StringToSign>x</StringToSign></Error>";
        let words = StoreFailure::error(sent).to_string();
        assert_eq!(words, "status 403 Forbidden: SignatureDoesNotMatch: It is wrong");
    }
}
