//! `tubelet doctor`: what this installation can read, what is missing, and which package brings it.

use std::io::Write as _;

use anyhow::{Result, bail, ensure};

use crate::{
    Diagnosis,
    command::report,
    doctor::{Format, FormatKind, Installed, Missing, System, install_line},
};

/// Check which videos this installation can read, and name the package of what is missing
///
/// There is one line per codec and container: which GStreamer element or library reads it, or which package
/// brings what is missing, by the names of Debian and Ubuntu, Fedora, Arch Linux, openSUSE and Homebrew. Then
/// come the instructions of the processor that are used, and the devices of this build.
///
/// The exit code is 1 if anything is missing. No video is opened.
///
/// Example: tubelet doctor
#[derive(clap::Args)]
pub struct Arguments {
    /// Print one JSON object to stdout
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let found = crate::doctor();
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        writeln!(stdout, "{}", serde_json::to_string(&found)?)?;
    } else {
        if !found.formats.is_empty() {
            writeln!(stdout, "{}", report::table(&formats(&found)))?;
        }
        write!(stdout, "{}", report::table(&machine(&found)))?;
    }
    if found.is_complete() {
        return Ok(());
    }
    ensure!(!found.formats.is_empty(), "GStreamer cannot be initialised, so no video can be read");
    let lacking = found.formats.iter().filter(|format| !format.missing.is_empty()).count();
    bail!(
        "{lacking} of {} formats lack something: {}",
        found.formats.len(),
        remedy(found.missing(), found.system)
    )
}

/// A row a format.
fn formats(found: &Diagnosis) -> Vec<Vec<String>> {
    let head = ["format", "state", "read by, or lacking"].map(str::to_owned).to_vec();
    let row = |format: &Format| {
        let name = match format.kind {
            FormatKind::Encoder => format!("{} encoder", format.name),
            FormatKind::Codec | FormatKind::Container => format.name.to_owned(),
        };
        let state = if format.missing.is_empty() { "ok" } else { "missing" };
        vec![name, state.to_owned(), by(format, found.gstreamer.as_deref(), found.system)]
    };
    std::iter::once(head).chain(found.formats.iter().map(row)).collect()
}

/// What reads a format, with versions of plugins that are not GStreamer's own, or what it lacks.
fn by(format: &Format, gstreamer: Option<&str>, system: Option<System>) -> String {
    if !format.missing.is_empty() {
        let names: Vec<&str> = format.missing.iter().map(|missing| missing.name).collect();
        return format!("{}: {}", names.join(", "), remedy(&format.missing, system));
    }
    if format.installed.is_empty() {
        return "tubelet itself".to_owned();
    }
    let part = |Installed { name, version, .. }: &Installed| match version {
        Some(version) if Some(version.as_str()) != gstreamer => format!("{name} {version}"),
        _ => (*name).to_owned(),
    };
    format.installed.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// What brings all that is missing: a line for this system, or the packages of all where this one is not known.
fn remedy<'a>(missing: impl IntoIterator<Item = &'a Missing>, system: Option<System>) -> String {
    let missing: Vec<&Missing> = missing.into_iter().collect();
    if let Some(broken) = missing.iter().find(|missing| missing.does_not_load) {
        return format!("a plugin does not load; `gst-inspect-1.0 {}` says why", broken.name);
    }
    let line = |system| install_line(missing.iter().copied(), system);
    match system {
        Some(system) => line(system),
        None => System::ALL.map(|system| format!("{} ({})", line(system), system.name())).join("; "),
    }
}

/// A row a part of the machine and of this build.
fn machine(found: &Diagnosis) -> Vec<Vec<String>> {
    let row = |name: &str, what: String| vec![name.to_owned(), what];
    let video = match &found.gstreamer {
        Some(version) => version.clone(),
        None if found.video => "cannot be initialised".to_owned(),
        None => "not in this build: it opens no video files, and trains from shards of frames".to_owned(),
    };
    let named = |present: bool| {
        let features = found.cpu.features.iter().filter(|feature| feature.present == present);
        features.map(|feature| feature.name).collect::<Vec<_>>().join(", ")
    };
    let mut cpu = found.cpu.architecture.to_owned();
    for (word, features) in [("with", named(true)), ("without", named(false))] {
        if !features.is_empty() {
            cpu = format!("{cpu}, {word} {features}");
        }
    }
    let mut rows = vec![
        row("tubelet", found.version.to_owned()),
        row("GStreamer", video),
        row("processor", cpu),
        row("devices", found.devices.join(", ")),
    ];
    if let Some(libtorch) = &found.libtorch {
        let file = libtorch.file.as_deref().unwrap_or("loaded");
        rows.push(row("LibTorch", format!("{file}, {} NVIDIA GPUs", libtorch.cuda_devices)));
    }
    rows
}
