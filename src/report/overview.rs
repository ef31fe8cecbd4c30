//! The runs beside each other: what they are, how far they are, what they cost.

use schemas::metrics::MetricsLine;

use super::{
    html::{Cell, escape, table},
    numbers::{count, duration, percent},
    run::RunFacts,
};

/// Lines at the end that a rate is taken from.
const LATEST: usize = 50;

/// A table with a column a run.
pub fn table_of(runs: &[RunFacts]) -> String {
    let facts: Vec<Vec<(&str, String)>> = runs.iter().map(facts).collect();
    let Some(first) = facts.first() else { return String::new() };
    let mut rows = vec![];
    for (at, (what, _)) in first.iter().enumerate() {
        let values: Vec<&str> = facts.iter().map(|facts| facts[at].1.as_str()).collect();
        if values.iter().any(|value| !value.is_empty()) {
            let values =
                values.into_iter().map(|value| Cell::number(if value.is_empty() { "–" } else { value }));
            rows.push(std::iter::once(Cell::text(*what)).chain(values).collect());
        }
    }
    let mut html = table(&vec![""; runs.len() + 1], &rows);
    // The heads of the columns have the mark of the run's curve.
    let heads: String = runs
        .iter()
        .enumerate()
        .map(|(at, run)| format!(r#"<th class="n">{}</th>"#, marked(at, run)))
        .collect();
    let empty = html.find("<tr>").zip(html.find("</tr>"));
    if let Some((begin, end)) = empty {
        html.replace_range(begin..end, &format!("<tr><th></th>{heads}"));
    }
    html
}

/// Which curves are whose: in a line above them, since the table's head may be wider than the page.
pub fn legend(runs: &[RunFacts]) -> String {
    let names = runs.iter().enumerate().map(|(at, run)| format!("<span>{}</span>", marked(at, run)));
    format!(r#"<p class="legend">{}</p>"#, names.collect::<String>())
}

/// A run's name behind the mark of its curves; `page.css` and `page.js` know eight.
fn marked(at: usize, run: &RunFacts) -> String {
    format!(r#"<i class="mark run{}"></i>{}"#, at % 8, escape(&run.name))
}

/// What is to be known of a run; empty where it is not known.
fn facts(run: &RunFacts) -> Vec<(&'static str, String)> {
    let state = run.state.as_ref();
    let (steps, until) = (run.steps(), state.map(|state| state.steps.until));
    let last = run.metrics.last();
    let some = |value: Option<String>| value.unwrap_or_default();
    let best_probe = run.metrics.iter().filter_map(|line| line.probe.as_ref()).map(|probe| probe.knn);
    let best_validation = run.validations.iter().filter_map(|line| line.top1);
    vec![
        ("training", some(state.map(|state| state.command.clone()))),
        ("steps", format!("{}{}", count(steps), some(until.map(|until| format!(" of {}", count(until)))))),
        ("epochs", some(last.map(|line| format!("{}", line.epoch + 1)))),
        ("loss at first", some(mean_loss(&run.metrics, false))),
        ("loss at last", some(mean_loss(&run.metrics, true))),
        ("best k-NN probe", some(best_probe.max_by(f64::total_cmp).map(percent))),
        ("best top-1 in validation", some(best_validation.max_by(f64::total_cmp).map(percent))),
        ("clips per second", some(rate(&run.metrics))),
        ("waiting for data", some(waiting(&run.metrics))),
        ("time so far", some(last.map(|_| duration(so_far(&run.metrics))))),
        ("time to the end", some(until.and_then(|until| to_the_end(&run.metrics, until)).map(duration))),
        ("videos", some(state.map(|state| count(state.data.videos)))),
        (
            "videos that failed",
            if run.failures.is_empty() { String::new() } else { count(run.failures.len() as u64) },
        ),
        ("device", some(state.map(|state| state.device.clone()))),
        ("threads that decode", some(state.map(|state| state.workers.to_string()))),
        ("machine", some(state.and_then(|state| state.machine.clone()))),
        ("begun by", some(state.map(|state| state.made_by.clone()))),
    ]
}

/// The mean loss of the first or the last tenth of the lines.
fn mean_loss(lines: &[MetricsLine], last: bool) -> Option<String> {
    let tenth = lines.len().div_ceil(10);
    let some = if last { &lines[lines.len() - tenth..] } else { &lines[..tenth] };
    (!some.is_empty())
        .then(|| format!("{:.4}", some.iter().map(|line| line.loss).sum::<f64>() / some.len() as f64))
}

fn latest(lines: &[MetricsLine]) -> &[MetricsLine] {
    &lines[lines.len().saturating_sub(LATEST)..]
}

fn rate(lines: &[MetricsLine]) -> Option<String> {
    let lines = latest(lines);
    let sum: f64 = lines.iter().map(|line| line.clips_per_second).sum();
    (!lines.is_empty()).then(|| format!("{:.1}", sum / lines.len() as f64))
}

fn waiting(lines: &[MetricsLine]) -> Option<String> {
    let lines = latest(lines);
    let sum: f64 = lines.iter().map(|line| line.waiting_share).sum();
    (!lines.is_empty()).then(|| percent(sum / lines.len() as f64))
}

/// Seconds of all processes that trained: `seconds` begins at 0 in each.
fn so_far(lines: &[MetricsLine]) -> f64 {
    let before = lines.windows(2).filter(|pair| pair[1].seconds < pair[0].seconds);
    before.map(|pair| pair[0].seconds).sum::<f64>() + lines.last().map_or(0.0, |line| line.seconds)
}

/// Seconds to step `until` at the pace of the latest lines of one process.
fn to_the_end(lines: &[MetricsLine], until: u64) -> Option<f64> {
    let lines = latest(lines);
    let begin = lines.windows(2).rposition(|pair| pair[1].seconds < pair[0].seconds).map_or(0, |at| at + 1);
    let (first, last) = (lines.get(begin)?, lines.last()?);
    let left = until.checked_sub(last.step).filter(|left| *left > 0)?;
    (last.step > first.step)
        .then(|| left as f64 * (last.seconds - first.seconds) / (last.step - first.step) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: u64, seconds: f64) -> MetricsLine {
        let text = format!(
            r#"{{"step":{step},"epoch":0,"loss":{step},"lr":0,"gradient_norm":0,"clips_per_second":2,"waiting_share":0,"seconds":{seconds}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn time_adds_up_over_processes_and_the_end_is_reckoned_by_the_last_one() {
        let lines = [line(1, 10.0), line(2, 20.0), line(3, 5.0), line(4, 9.0)];
        assert_eq!(so_far(&lines), 29.0);
        assert_eq!(to_the_end(&lines, 6), Some(8.0));
        assert_eq!((to_the_end(&lines, 4), to_the_end(&lines[..1], 4)), (None, None));
        assert_eq!(mean_loss(&lines, true).unwrap(), "4.0000");
        assert_eq!((so_far(&[]), mean_loss(&[], true)), (0.0, None));
    }
}
