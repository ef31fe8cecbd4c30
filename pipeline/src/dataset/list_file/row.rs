//! The cells of a table's row ─▶ a video.

use std::sync::Arc;

use super::{
    Form, ListError, Listed,
    columns::{Meaning, Unit},
    error::WHOLE_NUMBER,
};
use crate::{
    StreamTime,
    segment::{Segment, SegmentError},
};

/// Rows of one table, which often say the same of their split.
pub(super) struct Rows<'a> {
    meaning: &'a Meaning,
    split: Option<Arc<str>>,
}

impl<'a> Rows<'a> {
    /// Rows with columns of this meaning.
    pub fn of(meaning: &'a Meaning) -> Self {
        Self { meaning, split: None }
    }

    /// The video of line `line`, whose cell in each column is `cell`.
    pub fn listed<'c>(&mut self, line: usize, cell: impl Fn(usize) -> &'c str) -> Result<Listed, ListError> {
        let meaning = self.meaning;
        let named = |place: Option<usize>| place.map(&cell).filter(|text| !text.is_empty());
        let mut path = cell(meaning.path).to_owned();
        if path.is_empty() {
            let cells: Vec<&str> = (0..meaning.head.len()).map(&cell).collect();
            return Err(ListError::NoPath { line, text: cells.join(",") });
        }
        let mut segment = Segment::Whole;
        if meaning.form == Form::Kinetics {
            let second = |place| named(place).map(|text| self.whole(line, place, text)).transpose();
            let (start, stop) = (second(meaning.start)?, second(meaning.stop)?);
            path = format!("{path}_{:06}_{:06}", start.unwrap_or(0), stop.unwrap_or(0));
        } else {
            segment = self.segment(line, named(meaning.start), named(meaning.stop))?;
        }
        if let Some(split) = named(meaning.split)
            && self.split.as_deref() != Some(split)
        {
            self.split = Some(split.into());
        }
        let class = named(meaning.label).map(str::to_owned);
        Ok(Listed { line, path, class, segment, split: self.split.clone(), form: meaning.form })
    }

    fn segment(&self, line: usize, start: Option<&str>, stop: Option<&str>) -> Result<Segment, ListError> {
        let meaning = self.meaning;
        let segment = match meaning.unit {
            Unit::Frames => {
                let frame =
                    |place, text: Option<&str>| text.map(|text| self.whole(line, place, text)).transpose();
                let (start, stop) = (frame(meaning.start, start)?, frame(meaning.stop, stop)?);
                of_frames(start.unwrap_or(0).max(0), stop.filter(|stop| *stop != -1))
            }
            Unit::Seconds => {
                let time =
                    |place, text: Option<&str>| text.map(|text| self.time(line, place, text)).transpose();
                let (start, stop) = (time(meaning.start, start)?, time(meaning.stop, stop)?);
                Segment::times(start.unwrap_or(StreamTime(0)), stop.filter(|stop| stop.0 != -SECOND))
            }
        };
        segment.map_err(|cause| ListError::Segment { line, cause })
    }

    /// A whole number, which may be written with a fraction of 0, as pandas does where a cell is empty.
    fn whole(&self, line: usize, place: Option<usize>, text: &str) -> Result<i64, ListError> {
        let whole = text.strip_suffix(".0").unwrap_or(text).parse();
        whole.map_err(|_| self.wrong(line, place, text, WHOLE_NUMBER))
    }

    fn time(&self, line: usize, place: Option<usize>, text: &str) -> Result<StreamTime, ListError> {
        time(text)
            .ok_or_else(|| self.wrong(line, place, text, "number of seconds, nor a time such as 00:01:02.5"))
    }

    fn wrong(&self, line: usize, place: Option<usize>, text: &str, wanted: &'static str) -> ListError {
        let column = place.and_then(|place| self.meaning.head.get(place)).cloned().unwrap_or_default();
        ListError::Cell { line, column, text: text.to_owned(), wanted }
    }
}

/// The segment of these frames.
pub(super) fn of_frames(start: i64, stop: Option<i64>) -> Result<Segment, SegmentError> {
    // No video has as many frames as do not fit: the segment is beyond its end either way.
    let frame = |frame: i64| u32::try_from(frame.max(0)).unwrap_or(u32::MAX);
    Segment::frames(frame(start), stop.map(frame))
}

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// A time that is written in seconds, or as `hours:minutes:seconds`, to the nanosecond.
pub(super) fn time(text: &str) -> Option<StreamTime> {
    let mut parts = text.rsplit(':');
    let mut nanoseconds = seconds(parts.next()?)?;
    for (part, length) in parts.zip([60, 3600, i64::MAX]) {
        let whole: i64 = part.parse::<u32>().ok()?.into();
        nanoseconds = whole.checked_mul(length)?.checked_mul(SECOND)?.checked_add(nanoseconds)?;
    }
    Some(StreamTime(nanoseconds))
}

fn seconds(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if !(is_number(whole) && is_number(part)) || digits.is_empty() || digits == "." {
        // `1e-3`, as programs write small numbers.
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        return (number.abs() < 9e9).then(|| (number * SECOND as f64).round() as i64);
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i64 = format!("{:0<9}", part.get(..part.len().min(9))?).parse().ok()?;
    Some(sign * whole.checked_mul(SECOND)?.checked_add(part)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_nanosecond() {
        for (text, nanoseconds) in [
            ("12", 12 * SECOND),
            ("0.1", 100_000_000),
            ("1.0000000019", 1_000_000_001),
            ("00:01:02.50", 62_500_000_000),
            ("2:30", 150 * SECOND),
            ("-1", -SECOND),
            ("1e-3", 1_000_000),
            (".5", 500_000_000),
        ] {
            assert_eq!(time(text), Some(StreamTime(nanoseconds)), "{text}");
        }
        for text in ["", ".", "a", "1:2:3:4:5", "nan", "1e300", "-1:30", "1:-30:2"] {
            assert!(time(text).is_none(), "{text}");
        }
    }
}
