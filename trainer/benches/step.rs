//! Time and memory of training steps on made clips: `cargo bench --bench step -- DEVICE STEPS [KEY=VALUE …]`.
//!
//! Prints one JSON line: median seconds and processor seconds of a step after two, clips per second, peak
//! memory of the process. Settings are those of a recipe; `step_batch=N` is clips of the step.

#[path = "../tests/batches/mod.rs"]
mod batches;
#[path = "../tests/scenes/mod.rs"]
mod scenes;

use trainer::{Device, Recipe, time_steps};

#[global_allocator]
static MEMORY: trainer::allocator::KeptMemory = trainer::allocator::KeptMemory;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if arguments.len() < 2 {
        eprintln!("usage: step DEVICE STEPS [KEY=VALUE …]");
        return;
    }
    let settings = arguments.split_off(2);
    let device = Device::parse(&arguments[0]).unwrap();
    let steps: usize = arguments[1].parse().unwrap();
    let mut recipe = Recipe::default();
    recipe.set("optimiser.batch=2").unwrap();
    settings.iter().for_each(|setting| recipe.set(setting).unwrap());

    let clips = recipe.optimiser.batch;
    let batch = scenes::batch(recipe.geometry().unwrap(), 0..clips as u64, 10);
    let (mut seconds, mut used) = (Vec::new(), Vec::new());
    let mut before = processor_seconds();
    time_steps(&recipe, &device, batch, 2 + steps, |step| {
        seconds.push(step);
        used.push(processor_seconds() - before);
        before = processor_seconds();
    })
    .unwrap();
    let median = |steps: &[f64]| {
        let mut steps = steps[2..].to_vec();
        steps.sort_by(f64::total_cmp);
        steps[steps.len() / 2]
    };
    let (median, used) = (median(&seconds), median(&used));
    println!(
        "{{\"device\": \"{}\", \"batch\": {clips}, \"settings\": {settings:?}, \"step_seconds\": {median:.3}, \
         \"step_cpu_seconds\": {used:.3}, \"clips_per_second\": {:.3}, \"peak_rss_mb\": {}}}",
        device.name(),
        clips as f64 / median,
        peak_megabytes()
    );
}

/// User and system seconds of this process (Linux counts them in hundredths).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}
