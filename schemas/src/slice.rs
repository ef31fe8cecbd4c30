//! A slice of the work: one of N shares, for as many processes that know nothing of each other.
//!
//! ```text
//! 16 slices     0/16  1/16  …  15/16        thing i of a list belongs to slice i mod 16
//! ```

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Slices that a list may have: their numbers have five digits in the names of files.
pub const MOST_SLICES: u64 = 100_000;

/// One of so many shares of a list, counted from 0.
#[doc(alias = "shard")]
#[doc(alias = "array job")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Slice {
    number: u64,
    of: u64,
}

/// Why there is no such slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SliceError {
    /// It is not written as one.
    #[error("`{text}` is no slice such as 3/16")]
    NotWritten {
        /// What was written.
        text: String,
    },
    /// There are none of so many, or too many.
    #[error("{of} slices are none that work can be cut into: 1 to {MOST_SLICES} can be")]
    Count {
        /// How many.
        of: u64,
    },
    /// It is behind the last.
    #[error("there is no slice {number} of {of}: slices are counted from 0")]
    Behind {
        /// Which was named.
        number: u64,
        /// How many there are.
        of: u64,
    },
}

impl Slice {
    /// Slice `number` of so many, counted from 0.
    ///
    /// # Errors
    /// When there is no such slice.
    pub fn new(number: u64, of: u64) -> Result<Self, SliceError> {
        if !(1..=MOST_SLICES).contains(&of) {
            return Err(SliceError::Count { of });
        }
        if number >= of {
            return Err(SliceError::Behind { number, of });
        }
        Ok(Self { number, of })
    }

    /// Its number, counted from 0.
    pub fn number(self) -> u64 {
        self.number
    }

    /// How many there are.
    pub fn of(self) -> u64 {
        self.of
    }

    /// All slices of which this is one.
    pub fn all(self) -> impl Iterator<Item = Self> {
        (0..self.of).map(move |number| Self { number, ..self })
    }

    /// Whether thing `at` of a list, counted from 0, belongs to it.
    pub fn has(self, at: u64) -> bool {
        at % self.of == self.number
    }

    /// What the names of its files begin with: `00003-of-00016`.
    pub fn name(self) -> String {
        format!("{:05}-of-{:05}", self.number, self.of)
    }

    /// The slice that a name of [`Self::name`] says.
    pub fn of_name(name: &str) -> Option<Self> {
        let (number, of) = name.split_once("-of-")?;
        let slice = Self::new(number.parse().ok()?, of.parse().ok()?).ok()?;
        (slice.name() == name).then_some(slice)
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Slice {
    type Err = SliceError;

    fn from_str(text: &str) -> Result<Self, SliceError> {
        let number = |text: &str| text.parse().ok();
        let parts = text.split_once('/').and_then(|(first, of)| number(first).zip(number(of)));
        let (number, of) = parts.ok_or_else(|| SliceError::NotWritten { text: text.to_owned() })?;
        Self::new(number, of)
    }
}

impl TryFrom<String> for Slice {
    type Error = SliceError;

    fn try_from(text: String) -> Result<Self, SliceError> {
        text.parse()
    }
}

impl From<Slice> for String {
    fn from(slice: Slice) -> Self {
        slice.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_belongs_to_one_slice() {
        let first = Slice::new(0, 3).unwrap();
        for at in 0..9 {
            let owners: Vec<u64> = first.all().filter(|slice| slice.has(at)).map(Slice::number).collect();
            assert_eq!(owners, [at % 3]);
        }
    }

    #[test]
    fn a_slice_is_read_as_it_is_written() {
        let slice: Slice = "3/16".parse().unwrap();
        assert_eq!((slice.number(), slice.of(), slice.to_string()), (3, 16, "3/16".to_owned()));
        assert_eq!(
            (slice.name().as_str(), Slice::of_name("00003-of-00016")),
            ("00003-of-00016", Some(slice))
        );
        for wrong in ["3-of-16", "00016-of-00016", "00003-of-00016.json"] {
            assert_eq!(Slice::of_name(wrong), None, "{wrong}");
        }
        for wrong in ["16/16", "0/0", "3", "-1/4", "a/4", "1/200000"] {
            assert!(wrong.parse::<Slice>().is_err(), "{wrong}");
        }
    }
}
