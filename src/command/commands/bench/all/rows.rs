//! The table of what a machine does, and the sentence that says what limits it.

use serde::Serialize;
use serde_json::Value;

use super::steps::Step;

/// What was measured: what the single commands print.
#[derive(Serialize)]
pub struct Found {
    /// The machine in words.
    pub machine: Option<String>,
    /// Where it computed.
    pub device: String,
    /// Size of the model.
    pub model: String,
    /// Clips of a step.
    pub batch: usize,
    /// What `bench products` printed.
    pub products: Value,
    /// Steps in each precision.
    pub steps: Vec<Step>,
    /// Clips a video, and what `bench load` printed.
    pub loading: Vec<(u64, Value)>,
    /// Readers of a Python, and their clips a second.
    pub others: Vec<(String, f64)>,
}

impl Found {
    /// Clips a second that are loaded, one a video.
    fn loaded(&self) -> Option<f64> {
        self.loading.first()?.1["clips_per_second"].as_f64()
    }
}

/// The rows, the head first.
pub fn table(found: &Found) -> Vec<Vec<String>> {
    let mut rows = vec![row("what", "how", "figure", "beside")];
    rows.push(row("machine", found.machine.as_deref().unwrap_or("unknown"), "", ""));
    let products = &found.products;
    for precision in ["f32", "bf16"] {
        let by = products[precision]["by"].as_str().unwrap_or_default();
        let beside = match precision {
            "bf16" => ratio(&products["bf16"]["gflops"], &products["f32"]["gflops"], "of f32"),
            _ => String::new(),
        };
        rows.push(row("products", by, &number(&products[precision]["gflops"], 0, "GFLOP/s"), &beside));
    }
    for Step { precision, found: step } in &found.steps {
        let how = format!("{} on {}, {} clips, {precision}", found.model, found.device, found.batch);
        let of = |key: &str, places, unit| number(&step[key], places, unit);
        let beside =
            [of("step_seconds", 2, "s"), of("step_cpu_seconds", 2, "CPU s"), of("peak_rss_mb", 0, "MB")];
        rows.push(row("step", &how, &of("clips_per_second", 2, "clips/s"), &joined(&beside)));
    }
    for (clips, load) in &found.loading {
        let how = format!("{clips} clip{} a video", if *clips == 1 { "" } else { "s" });
        let beside = [
            number(&load["cpu_ms_per_clip"], 1, "CPU ms a clip"),
            number(&load["peak_rss_mb"], 0, "MB"),
            load["binding"].as_str().map(|stage| format!("{stage} limits it")).unwrap_or_default(),
        ];
        rows.push(row("loading", &how, &number(&load["clips_per_second"], 1, "clips/s"), &joined(&beside)));
    }
    for (name, clips) in &found.others {
        let beside = found.loaded().map(|own| format!("tubelet loads {:.2} times as many", own / clips));
        rows.push(row(name, "1 clip a video", &format!("{clips:.1} clips/s"), &beside.unwrap_or_default()));
    }
    rows
}

/// Whether loading or computing limits a training by the fastest step.
pub fn what_limits(found: &Found) -> String {
    let steps = found
        .steps
        .iter()
        .filter_map(|step| Some((step.found["clips_per_second"].as_f64()?, &step.precision)));
    let Some((trained, precision)) = steps.max_by(|one, other| one.0.total_cmp(&other.0)) else {
        return "no step was timed".to_owned();
    };
    let training = format!("training {} in {precision} takes {trained:.2} clips/s", found.model);
    let Some(loaded) = found.loaded() else {
        return format!("{training}; name VIDEOS to see whether they are loaded as fast");
    };
    let share = 100.0 * trained / loaded;
    if share >= 100.0 {
        return format!(
            "loading limits: {training}, and {loaded:.1} are loaded; shards of frames are loaded faster"
        );
    }
    // On the CPU both take of the same cores.
    format!("computing limits: {training}, and loading them takes {share:.0} % of the processor")
}

fn row(what: &str, how: &str, figure: &str, beside: &str) -> Vec<String> {
    [what, how, figure, beside].map(str::to_owned).to_vec()
}

fn number(value: &Value, places: usize, unit: &str) -> String {
    value.as_f64().map(|value| format!("{value:.places$} {unit}")).unwrap_or_default()
}

fn ratio(value: &Value, other: &Value, words: &str) -> String {
    let both = value.as_f64().zip(other.as_f64());
    both.map(|(value, other)| format!("{:.2} {words}", value / other)).unwrap_or_default()
}

fn joined(words: &[String]) -> String {
    let there: Vec<&str> = words.iter().map(String::as_str).filter(|words| !words.is_empty()).collect();
    there.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(loaded: Option<f64>) -> Found {
        let step = |precision: &str, clips: f64| Step {
            precision: precision.to_owned(),
            found: json!({ "clips_per_second": clips, "step_seconds": 2.0 / clips }),
        };
        Found {
            machine: None,
            device: "flex".to_owned(),
            model: "base".to_owned(),
            batch: 2,
            products: json!({ "f32": { "by": "f32 by AVX2", "gflops": 100.0 },
                              "bf16": { "by": "bf16 by AMX-BF16", "gflops": 450.0 } }),
            steps: vec![step("f32", 1.0), step("bf16", 2.0)],
            loading: loaded.map(|clips| (1, json!({ "clips_per_second": clips }))).into_iter().collect(),
            others: vec![("torchcodec".to_owned(), 20.0)],
        }
    }

    #[test]
    fn what_limits_is_the_slower_of_the_two() {
        assert_eq!(
            what_limits(&found(Some(40.0))),
            "computing limits: training base in bf16 takes 2.00 clips/s, and loading them takes 5 % of the processor"
        );
        assert!(what_limits(&found(Some(1.5))).starts_with("loading limits"));
        assert!(what_limits(&found(None)).ends_with("name VIDEOS to see whether they are loaded as fast"));
    }

    #[test]
    fn the_table_has_a_row_a_figure() {
        let rows = table(&found(Some(30.0)));
        let figures: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
        let wanted = "figure||100 GFLOP/s|450 GFLOP/s|1.00 clips/s|2.00 clips/s|30.0 clips/s|20.0 clips/s";
        assert_eq!(figures.join("|"), wanted);
        assert_eq!(
            (rows[3][3].as_str(), rows[7][3].as_str()),
            ("4.50 of f32", "tubelet loads 1.50 times as many")
        );
    }
}
