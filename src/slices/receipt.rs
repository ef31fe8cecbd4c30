//! The receipt of a slice: what it was made from, by which settings, and what failed.

use serde::{Deserialize, Serialize};

use schemas::{MADE_BY, Slice};

/// What all slices of one output have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The command, such as `scan`.
    pub command: String,
    /// Videos of the whole list.
    pub videos: u64,
    /// Digest of the whole list.
    pub list: String,
    /// Settings that decide what is written, by name.
    pub settings: serde_json::Value,
    /// What wrote it.
    pub made_by: String,
}

/// A slice that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which.
    pub slice: Slice,
    /// Of what.
    #[serde(flatten)]
    pub work: Work,
    /// Its videos that gave nothing, in the order of the list, where its files do not say which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedVideo>,
}

/// A video that gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedVideo {
    /// Its place in the list, or that of its first clip among the clips of all.
    pub row: u64,
    /// Its name.
    pub video: String,
    /// The stable word of what is wrong; empty where only the reason is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verdict: String,
    /// Why.
    pub reason: String,
}

impl Work {
    /// What `command` makes of these videos by these settings.
    pub fn new(command: &str, videos: u64, list: String, settings: serde_json::Value) -> Self {
        Self { command: command.to_owned(), videos, list, settings, made_by: MADE_BY.to_owned() }
    }

    /// In what it differs from other work.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let whole = [
            ("command", self.command != other.command),
            ("list of videos", (self.videos, &self.list) != (other.videos, &other.list)),
            ("version of tubelet", self.made_by != other.made_by),
        ];
        if let Some((what, _)) = whole.into_iter().find(|(_, differs)| *differs) {
            return Some(what.to_owned());
        }
        if self.settings == other.settings {
            return None;
        }
        let settings = self.settings.as_object().into_iter().flatten();
        let differing = settings.map(|(name, value)| (name, Some(value) != other.settings.get(name)));
        let name = differing.into_iter().find_map(|(name, differs)| differs.then_some(name));
        Some(name.map_or_else(|| "setting".to_owned(), |name| name.replace('_', " ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_named() {
        let work = |list: &str, verify: bool| {
            Work::new("scan", 7, list.to_owned(), json!({ "full_decode": verify, "other": 1 }))
        };
        let first = work("a", true);
        assert_eq!(first.difference(&work("a", true)), None);
        assert_eq!(first.difference(&work("b", true)).as_deref(), Some("list of videos"));
        assert_eq!(first.difference(&work("a", false)).as_deref(), Some("full decode"));
    }

    #[test]
    fn a_receipt_is_read_as_it_was_written() {
        let work = Work::new("embed", 7, "0a".to_owned(), json!({ "views": [1, 1] }));
        let failed =
            FailedVideo { row: 3, video: "a.mp4".into(), verdict: String::new(), reason: "cut".into() };
        let receipt = Receipt { slice: Slice::new(3, 4).unwrap(), work, failed: vec![failed] };
        let text = serde_json::to_string(&receipt).unwrap();
        assert!(text.contains(r#""slice":"3/4""#), "{text}");
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), receipt);
    }
}
