//! Addresses without what may be a secret: a user's name, a password, a query (a signed URL), a fragment. Messages show
//! addresses so, also those that are refused.

use std::borrow::Cow;

/// An address, or a text in which some stand, without what may be a secret.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_inclusive([' ', '"', '\'', '(', ')', '\n']).map(word_without_secrets).collect())
}

/// What is known to be one address, or a path, without what may be a secret, which may hold any letter.
pub fn address_without_secrets(address: &str) -> Cow<'_, str> {
    match address.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(char::is_alphanumeric) => {
            Cow::Owned(shortened(scheme, rest, ""))
        }
        _ => Cow::Borrowed(address),
    }
}

fn word_without_secrets(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = word.len() - word.trim_end_matches([' ', '"', '\'', '(', ')', '\n']).len();
    let (rest, end) = rest.split_at(rest.len() - end.min(rest.len()));
    shortened(scheme, rest, end)
}

fn shortened(scheme: &str, rest: &str, end: &str) -> String {
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let host = rest.find('/').unwrap_or(rest.len());
    let user = rest[..host].rfind('@').filter(|_| !scheme.contains("abfs")).map_or(0, |at| at + 1);
    format!("{scheme}://{}{end}", &rest[user..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_a_password_and_a_query_are_left_out() {
        let text = r#"error sending request for url (http://a:secret@h:1/b?x=secret): "s3://b/c", refused"#;
        let words = r#"error sending request for url (http://h:1/b): "s3://b/c", refused"#;
        assert_eq!(without_secrets(text), words);
        for address in ["https://me:secret@h/a.mp4", "https://h/a.mp4?sig=secret", "s3://secret@b/a#secret"] {
            assert!(!without_secrets(address).contains("secret"), "{}", without_secrets(address));
        }
    }

    #[test]
    fn a_secret_may_hold_any_letter() {
        for address in ["https://me:a'secret@h/a.mp4", "https://h/a.mp4?sig=(secret)", "s3://b/a?x= secret"] {
            let shown = address_without_secrets(address);
            assert!(!shown.contains("secret"), "{shown}");
        }
        for path in ["films/a b.mp4", "my (films)/why?.mp4", "s3://bucket/a (1).mp4", "list.csv:path=u"] {
            assert_eq!(address_without_secrets(path), path);
        }
    }

    #[test]
    fn containers_of_azure_and_names_of_files_stay() {
        for text in ["abfss://data@account/a.mp4", "films/why?.mp4", "a@b#c.mp4", "gs://bucket/a.mp4"] {
            assert_eq!(without_secrets(text), text);
        }
    }
}
