//! All targets by their names: those of the pipeline, weights and recipes.

use pipeline::fuzz::Target;

/// Targets that the pipeline does not have.
const OTHERS: [Target; 3] = [
    ("pickle", |bytes| weights("weights.pth", bytes)),
    ("safetensors", |bytes| weights("weights.safetensors", bytes)),
    ("recipe", recipe),
];

/// All targets.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    pipeline::fuzz::TARGETS.iter().chain(&OTHERS)
}

/// Gives bytes to the target of a name.
///
/// # Panics
/// When there is no such target; and when the target has a bug.
pub fn run(name: &str, bytes: &[u8]) {
    gstreamer::init().expect("because GStreamer is installed");
    let (_, target) = targets().find(|(known, _)| *known == name).expect("because there is such a target");
    target(bytes);
}

fn weights(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("because there is a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("because it can be written to");
    let _ = trainer::checkpoint::read_any(&path);
}

fn recipe(bytes: &[u8]) {
    if let Ok(recipe) = trainer::Recipe::from_toml(&String::from_utf8_lossy(bytes)) {
        let _ = recipe.check();
    }
}
