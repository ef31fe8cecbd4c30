//! Work that is done once: tasks with a name, a result file each, two at a time.
//!
//! ```text
//! OUT/plan.json            what was asked for; another plan is refused
//! OUT/results/NAME.json    what a task found; a task whose file is there is not run again
//! OUT/logs/NAME.txt        what its commands said
//! ```
//!
//! A task runs the command `tubelet` and reads what it left. One that is cut in its middle goes on from the
//! run's own checkpoint.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use schemas::whole_file;
use serde_json::Value;

/// What a task found.
pub type Found = BTreeMap<String, Value>;

/// What a task does.
type Action = Box<dyn FnOnce(&Bench) -> Result<Value> + Send>;

/// Something to do once.
pub struct Task {
    name: String,
    action: Action,
}

impl Task {
    /// A task of this name.
    pub fn new(
        name: impl Into<String>,
        action: impl FnOnce(&Bench) -> Result<Value> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), action: Box::new(action) }
    }
}

/// Where work is done.
pub struct Bench {
    /// The folder of everything.
    pub out: PathBuf,
    tubelet: PathBuf,
    device: String,
    workers: usize,
    /// Whether only what is finished is read.
    reads: bool,
    /// Tasks that were asked for, and those that are not finished.
    counts: Mutex<(usize, usize)>,
    started: Instant,
}

impl Bench {
    /// Works in `out` by the command `tubelet`, `workers` tasks at a time. `plan` says what is asked for.
    ///
    /// # Errors
    /// When the folder holds the results of another plan, or cannot be made.
    pub fn new(out: &Path, tubelet: PathBuf, device: String, workers: usize, plan: &Value) -> Result<Self> {
        fs::create_dir_all(out.join("results"))?;
        fs::create_dir_all(out.join("logs"))?;
        let kept = out.join("plan.json");
        if kept.exists() {
            let before: Value = serde_json::from_slice(&fs::read(&kept)?)?;
            ensure!(
                before == *plan,
                "{} holds the results of another plan; name another --out",
                out.display()
            );
        } else {
            whole_file::write(&kept, &serde_json::to_vec_pretty(plan)?)?;
        }
        let out = out.canonicalize()?;
        let (workers, reads, counts) = (workers.max(1), false, Mutex::default());
        Ok(Self { out, tubelet, device, workers, reads, counts, started: Instant::now() })
    }

    /// The same where nothing is done and only what is finished is read.
    pub fn reading(self) -> Self {
        Self { reads: true, ..self }
    }

    /// Tasks that were asked for, and those that are not finished.
    pub fn counts(&self) -> (usize, usize) {
        *held(&self.counts)
    }

    /// Does what is not done yet, and gives what all of it found, by name. Where only what is finished is read,
    /// what is not is left out.
    ///
    /// # Errors
    /// The first task that failed; those beside it are finished first.
    pub fn finish(&self, stage: &str, tasks: Vec<Task>) -> Result<Found> {
        let (mut found, mut open) = (Found::new(), VecDeque::new());
        for task in tasks {
            match fs::read(self.result_path(&task.name)) {
                Ok(bytes) => {
                    found.insert(task.name, serde_json::from_slice(&bytes)?);
                }
                Err(_) => open.push_back(task),
            }
        }
        if self.reads {
            let mut counts = held(&self.counts);
            *counts = (counts.0 + found.len() + open.len(), counts.1 + open.len());
            return Ok(found);
        }
        eprintln!(
            "[{:>6.0} s] {stage}: {} done before, {} to do",
            self.started.elapsed().as_secs_f64(),
            found.len(),
            open.len()
        );
        let (open, found) = (Mutex::new(open), Mutex::new(found));
        let failed = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    while let Some(task) = next(&open, &failed) {
                        let name = task.name.clone();
                        match self.one(task) {
                            Ok(value) => {
                                held(&found).insert(name, value);
                            }
                            Err(why) => {
                                held(&failed).get_or_insert(why.context(format!("task {name}")));
                            }
                        }
                    }
                });
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(why),
            None => Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn one(&self, task: Task) -> Result<Value> {
        let began = Instant::now();
        let value = (task.action)(self)?;
        whole_file::write(&self.result_path(&task.name), &serde_json::to_vec(&value)?)?;
        let (all, own) = (self.started.elapsed().as_secs_f64(), began.elapsed().as_secs_f64());
        eprintln!("[{all:>6.0} s] {} ({own:.0} s)", task.name);
        Ok(value)
    }

    fn result_path(&self, name: &str) -> PathBuf {
        self.out.join("results").join(format!("{name}.json"))
    }

    /// Runs `tubelet` with these arguments and the device, and gives what it printed. What it says besides is
    /// added to the log `name`. It computes on one thread: tasks beside it fill the other processors.
    ///
    /// # Errors
    /// When it fails; the end of its log is in the error.
    pub fn tubelet(&self, name: &str, arguments: Vec<OsString>) -> Result<String> {
        let path = self.out.join("logs").join(format!("{name}.txt"));
        let mut log = OpenOptions::new().create(true).append(true).open(&path)?;
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        writeln!(log, "$ tubelet {}", words.join(" "))?;
        let output = Command::new(&self.tubelet)
            .args(&arguments)
            .args(["--device", &self.device])
            .env("RAYON_NUM_THREADS", "1")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stderr(log)
            .output()
            .with_context(|| format!("cannot run {}", self.tubelet.display()))?;
        let said = || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = text.lines().rev().take(4).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        ensure!(output.status.success(), "tubelet {} failed ({}):\n{}", words[0], output.status, said());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn next(open: &Mutex<VecDeque<Task>>, failed: &Mutex<Option<anyhow::Error>>) -> Option<Task> {
    if held(failed).is_some() { None } else { held(open).pop_front() }
}

fn held<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
