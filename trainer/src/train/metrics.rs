//! Files of lines that know their step (`metrics.jsonl`, `validation.jsonl`): written a line at a time, cut
//! back when a run goes on from a checkpoint.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

/// The open file.
pub struct Metrics(File);

impl Metrics {
    /// Opens the file at `path`, making it if it is not there, without the lines of steps after `step`: a
    /// run that goes on from a checkpoint makes these steps again. A line cut short by a crash goes too.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open_at(path: &Path, step: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let kept = length_up_to(&mut file, step)?;
        file.set_len(kept)?;
        Ok(Self(file))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.0.write_all(&text)
    }
}

/// What every line has.
#[derive(Deserialize)]
struct Line {
    step: u64,
}

/// Bytes up to the end of the last line of a step up to `step`.
fn length_up_to(file: &mut File, step: u64) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut kept, mut read) = (0, 0);
    loop {
        let mut line = Vec::new();
        read += reader.read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            return Ok(kept);
        }
        // One that rotted on the disk takes none of those behind it along.
        if serde_json::from_slice::<Line>(&line).is_ok_and(|parsed| parsed.step <= step) {
            kept = read;
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::metrics::MetricsLine;

    use super::*;

    fn line(step: u64) -> MetricsLine {
        MetricsLine {
            step,
            epoch: 0,
            loss: 1.0,
            lr: 1e-4,
            gradient_norm: 0.5,
            clips_per_second: 2.0,
            waiting_share: 0.1,
            summing_share: None,
            repeated_frame_share: 0.0,
            seconds: 3.0,
            time: None,
            loader: None,
            sets: None,
            probe: None,
        }
    }

    #[test]
    fn a_run_that_goes_on_cuts_the_lines_it_will_write_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = Metrics::open_at(&path, 0).unwrap();
        (1..=5).for_each(|step| metrics.add(&line(step)).unwrap());
        // What a crash in the middle of a line leaves.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"step\":6").unwrap();

        let mut again = Metrics::open_at(&path, 3).unwrap();
        again.add(&line(4)).unwrap();
        let steps: Vec<u64> = std::fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(|text| serde_json::from_str::<MetricsLine>(text).unwrap().step)
            .collect();
        assert_eq!(steps, [1, 2, 3, 4]);
    }

    #[test]
    fn a_line_that_rotted_takes_no_other_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = Metrics::open_at(&path, 0).unwrap();
        (1..=5).for_each(|step| metrics.add(&line(step)).unwrap());
        let whole = std::fs::read_to_string(&path).unwrap();
        for (from, to) in [("{\"step\":2", "{\"3tep\":2"), ("{\"step\":2", "{\"step\":6"), ("}\n{", "}J{")] {
            let rotted = whole.replacen(from, to, 1);
            std::fs::write(&path, &rotted).unwrap();
            drop(Metrics::open_at(&path, 4).unwrap());
            let kept = std::fs::read_to_string(&path).unwrap();
            let end = whole.find("{\"step\":5").unwrap();
            assert!(rotted.starts_with(&kept) && kept.len() == end, "{to}: {kept}");
        }
    }
}
