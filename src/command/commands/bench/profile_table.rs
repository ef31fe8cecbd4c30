//! Where the time of loading went: the table of `bench load --profile`.

use std::time::Duration;

use pipeline::profile::{Interval, Stage};

use crate::command::report;

/// The table of where the time went.
pub fn text(interval: &Interval) -> String {
    let figures = &interval.figures;
    let clips = figures.clips.max(1) as f64;
    let ms = |time: Duration| format!("{:.3}", 1e3 * time.as_secs_f64() / clips);
    let workers = interval.workers as f64;
    let percent = |stage: Stage, threads: f64| {
        let all = interval.elapsed.as_secs_f64() * threads;
        format!("{:.1} %", 100.0 * figures.wall(stage).as_secs_f64() / all.max(f64::MIN_POSITIVE))
    };
    let row = |stage: Stage, what: &str, threads: f64, of: &str| {
        let cpu = if of.is_empty() { String::new() } else { ms(figures.cpu(stage)) };
        let share = format!("{} {of}", percent(stage, threads));
        vec![what.to_owned(), ms(figures.wall(stage)), cpu, share.trim_end().to_owned()]
    };
    let head = ["stage", "ms a clip", "CPU ms a clip", "share of the time"].map(String::from).to_vec();
    let times = report::table(&[
        head,
        row(Stage::Read, "read and demux", workers, "of the workers"),
        row(Stage::Decode, "decode", workers, "of the workers"),
        row(Stage::Transform, "crop, resize, colour", workers, "of the workers"),
        row(Stage::Cubes, "masks and cubes", workers, "of the workers"),
        row(Stage::Batch, "batch", 1.0, "of its thread"),
        row(Stage::Idle, "wait of workers for clips to make", workers, ""),
        row(Stage::Full, "wait of batches for room", 1.0, ""),
        row(Stage::Wait, "wait of the consumer for batches", 1.0, ""),
    ]);
    let decoded = &figures.decoded;
    let each = |count: u64| format!("{:.1}", count as f64 / clips);
    let span = (decoded.sent + decoded.left_out).max(1) as f64;
    format!(
        "{times}a clip: {} packets sent to the decoder, {} left out ({:.0} % of their span); {} pictures decoded, {} \
         wanted; {:.3} MB read\nqueues: {:.1} jobs in flight, {:.1} batches ready on the average; {} times the budget \
         of bytes was used up\n",
        each(decoded.sent),
        each(decoded.left_out),
        100.0 * decoded.left_out as f64 / span,
        each(decoded.frames),
        each(decoded.kept),
        figures.bytes_read as f64 / clips / 1e6,
        figures.in_flight.mean(),
        figures.ready.mean(),
        figures.out_of_budget,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::data::report::Watch;
    use pipeline::profile::Profile;

    use super::*;

    #[test]
    fn the_table_has_a_row_a_stage_and_its_times_a_clip() {
        let profile = Arc::new(Profile::default());
        let watch = Watch::begin(&profile, 1);
        profile.time(Stage::Read, || std::thread::sleep(Duration::from_millis(20)));
        profile.count_clip(16, 0);
        let table = text(&watch.interval());
        let read: Vec<_> =
            table.lines().nth(1).unwrap().split("  ").filter(|cell| !cell.is_empty()).collect();
        assert_eq!(read[0], "read and demux");
        assert!(read[1].trim().parse::<f64>().unwrap() >= 20.0, "{table}");
        assert_eq!(table.lines().count(), 1 + Stage::ALL.len() + 2);
    }
}
