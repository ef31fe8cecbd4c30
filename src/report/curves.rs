//! The curves of runs as data: a chart a number, a series a run.

use schemas::metrics::MetricsLine;
use serde_json::{Value, json};

use super::run::RunFacts;

/// Points of a series that are kept; a screen has no more columns for it.
const POINTS: usize = 600;

/// A number of a line.
type Number = fn(&MetricsLine) -> Option<f64>;

/// The charts of these runs that have points.
pub fn charts(runs: &[RunFacts]) -> Vec<Value> {
    let of_metrics: [(&str, &str, Number); 7] = [
        ("Loss", "", |line| Some(line.loss)),
        ("Learning rate", "", |line| Some(line.lr)),
        ("Gradient norm", "", |line| Some(line.gradient_norm)),
        ("Clips per second", "", |line| Some(line.clips_per_second)),
        ("Waiting for data", "%", |line| Some(100.0 * line.waiting_share)),
        ("Probe: k nearest neighbours", "%", |line| Some(100.0 * line.probe.as_ref()?.knn)),
        ("Probe: linear", "%", |line| Some(100.0 * line.probe.as_ref()?.linear)),
    ];
    let mut charts: Vec<Value> = of_metrics
        .into_iter()
        .map(|(title, unit, number)| {
            chart(title, unit, runs, |run| {
                run.metrics.iter().filter_map(|line| Some((line.step, number(line)?))).collect()
            })
        })
        .collect();
    charts.push(chart("Validation: score", "", runs, |run| {
        run.validations.iter().filter_map(|line| Some((line.step, line.score()?))).collect()
    }));
    charts.push(chart("Validation: loss", "", runs, |run| {
        run.validations.iter().map(|line| (line.step, line.loss)).collect()
    }));
    charts.retain(|chart| chart["series"].as_array().is_some_and(|series| !series.is_empty()));
    charts
}

fn chart(title: &str, unit: &str, runs: &[RunFacts], points: impl Fn(&RunFacts) -> Vec<(u64, f64)>) -> Value {
    let series = runs.iter().enumerate().map(|(at, run)| (at, run, thinned(&points(run))));
    let series: Vec<Value> = series
        .filter(|(_, _, points)| !points.is_empty())
        .map(|(at, run, points)| json!({ "run": at, "name": run.name, "points": points }))
        .collect();
    json!({ "title": title, "unit": unit, "series": series })
}

/// At most [`POINTS`] points: neighbours are averaged, under the last of their steps.
fn thinned(points: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let points: Vec<(u64, f64)> = points.iter().copied().filter(|point| point.1.is_finite()).collect();
    let together = points.len().div_ceil(POINTS).max(1);
    let mean = |group: &[(u64, f64)]| {
        let sum: f64 = group.iter().map(|point| point.1).sum();
        (group.last().map_or(0, |point| point.0), sum / group.len() as f64)
    };
    points.chunks(together).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_averaged_and_short_ones_are_as_they_are() {
        let points: Vec<(u64, f64)> = (1..=1200).map(|step| (step, step as f64)).collect();
        let found = thinned(&points);
        assert_eq!((found.len(), found[0], found[599]), (600, (2, 1.5), (1200, 1199.5)));
        assert_eq!(thinned(&points[..3]), points[..3]);
        assert_eq!(thinned(&[(1, f64::NAN), (2, 0.5)]), [(2, 0.5)]);
    }
}
