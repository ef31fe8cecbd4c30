//! What `tubelet doctor` says where everything is installed, and where plugins of GStreamer are missing.
//!
//! Absence is made by folders that hold links to some of the plugins: a process of its own sees nothing else.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path, process::Output};

use gstreamer as gst;
use serde_json::Value;

use crate::{
    fixtures::made::{self, Times},
    samples, text, tubelet,
};

/// Plugins, and the packages of Debian and Fedora that bring them.
const PLUGINS: [(&str, &str, &str); 13] = [
    ("aom", "gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free"),
    ("asf", "gstreamer1.0-plugins-ugly", "gstreamer1-plugins-ugly"),
    ("avi", "gstreamer1.0-plugins-good", "gstreamer1-plugins-good"),
    ("dv", "gstreamer1.0-plugins-good", "gstreamer1-plugins-good"),
    ("flv", "gstreamer1.0-plugins-good", "gstreamer1-plugins-good"),
    ("libav", "gstreamer1.0-libav", "gstreamer1-plugin-libav"),
    ("mpegpsdemux", "gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free"),
    ("mpegtsdemux", "gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free"),
    ("mxf", "gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free"),
    ("ogg", "gstreamer1.0-plugins-base", "gstreamer1-plugins-base"),
    ("theora", "gstreamer1.0-plugins-base", "gstreamer1-plugins-base"),
    ("videoparsersbad", "gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free"),
    ("x264", "gstreamer1.0-plugins-ugly", "gstreamer1-plugins-ugly"),
];

/// The command where GStreamer has the plugins in `folder` and no others.
fn plugins_of(folder: &Path) -> assert_cmd::Command {
    let mut command = tubelet();
    for unset in ["GST_PLUGIN_PATH", "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH", "GST_REGISTRY"] {
        command.env_remove(unset);
    }
    command.env("GST_PLUGIN_SYSTEM_PATH_1_0", folder).env("GST_REGISTRY_1_0", folder.join("registry.bin"));
    command
}

/// Runs it.
fn with_plugins_of(folder: &Path, arguments: &[&str]) -> Output {
    plugins_of(folder).args(arguments).output().unwrap()
}

/// A folder of all plugins that are used, but for one.
fn plugins_without(left_out: &str) -> tempfile::TempDir {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let registry = gst::Registry::get();
    for (name, ..) in PLUGINS.into_iter().filter(|(name, ..)| *name != left_out) {
        let file = registry.find_plugin(name).and_then(|plugin| plugin.filename()).unwrap();
        symlink(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Elements of a diagnosis by their plugin, and by the key `installed` or `missing`.
fn elements(diagnosis: &Value, key: &str) -> BTreeMap<String, String> {
    let formats = diagnosis["formats"].as_array().unwrap();
    let parts = formats.iter().flat_map(|format| format[key].as_array().unwrap());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    parts.map(|part| (word(&part["name"]), word(&part["plugin"]))).collect()
}

/// The packages that bring what is missing, a list an element.
fn packages(diagnosis: &Value) -> Vec<Vec<&str>> {
    let formats = diagnosis["formats"].as_array().unwrap();
    let missing = formats.iter().flat_map(|format| format["missing"].as_array().unwrap());
    missing
        .map(|missing| {
            let packages = missing["packages"].as_array().unwrap();
            let names = packages.iter().flat_map(|package| package["names"].as_array().unwrap());
            names.map(|name| name.as_str().unwrap()).collect()
        })
        .collect()
}

#[test]
fn everything_can_be_read_where_the_tests_run() {
    let output = tubelet().arg("doctor").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
    for (name, by) in [("H.264 ", "avdec_h264"), ("MP4, MOV", "tubelet itself"), ("MPEG-TS", "tsdemux")] {
        let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(" ok ") && line.contains(by), "{line}");
    }
    assert!(printed.contains("\ndevices    flex"), "{printed}");
}

#[test]
fn each_plugin_that_is_missing_is_named_with_its_package() {
    let all = elements(&json(&tubelet().args(["doctor", "--json"]).output().unwrap()), "installed");
    for (plugin, debian, fedora) in PLUGINS {
        let wanted: Vec<&String> =
            all.iter().filter(|(_, of)| *of == plugin).map(|(element, _)| element).collect();
        let folder = plugins_without(plugin);
        let output = with_plugins_of(folder.path(), &["doctor", "--json"]);
        let diagnosis = json(&output);
        let missing = elements(&diagnosis, "missing");
        assert_eq!(missing.keys().collect::<Vec<_>>(), wanted, "without {plugin}");
        // A dav1d that finds damage by itself does without libaom.
        assert_eq!(output.status.code(), Some(i32::from(!wanted.is_empty())), "without {plugin}");
        assert!(!wanted.is_empty() || plugin == "aom", "nothing needs {plugin}");
        let said = String::from_utf8(output.stderr).unwrap();
        for names in packages(&diagnosis) {
            assert!(names.contains(&debian) && names.contains(&fedora), "{plugin}: {names:?}");
            assert!(said.contains(names[0]), "{plugin}: {said}");
        }
    }
}

#[test]
fn an_installation_without_plugins_says_what_brings_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let output = with_plugins_of(folder.path(), &["doctor"]);
    let (printed, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    let state = |name: &str| {
        let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!([state("HEVC"), state("AVI"), state("H.264 encoder")], ["missing"; 3]);
    assert_eq!([state("MP4, MOV"), state("Matroska, WebM")], ["ok"; 2]);
    assert!(said.starts_with("error: 21 of 25 formats lack something: "), "{said}");
}

#[test]
fn a_plugin_that_does_not_load_is_no_missing_package() {
    let folder = plugins_without("");
    assert_eq!(with_plugins_of(folder.path(), &["doctor"]).status.code(), Some(0));
    let listed = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let plugin = listed.into_iter().find(|path| path.to_string_lossy().contains("libgstavi.")).unwrap();
    fs::remove_file(&plugin).unwrap();
    fs::write(&plugin, "no library").unwrap();
    let mut command = plugins_of(folder.path());
    let output = command.env("GST_REGISTRY_UPDATE", "no").arg("doctor").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("a plugin does not load; `gst-inspect-1.0 avidemux` says why"), "{said}");
}

/// Seen: a film in a transport stream was called damaged where only a parser was not installed. Right: the parser is
/// named.
#[test]
fn a_missing_parser_or_decoder_is_no_damage_of_the_film() {
    let films = tempfile::tempdir().unwrap();
    let film = films.path().join("film.ts");
    made::make(&film, made::H264, "mpegtsmux", Times::Right);
    let flower = Path::new(&samples()).join("flower.mp4");
    let manifest = films.path().join("manifest.parquet");
    for (plugin, film, element) in [
        ("videoparsersbad", &film, "h264parse"),
        ("mpegtsdemux", &film, "tsdemux"),
        ("libav", &flower, "avdec_h264"),
    ] {
        let folder = plugins_without(plugin);
        let scan = ["scan", text(film), "--json", "--verify", "--out", text(&manifest)];
        let row = json(&with_plugins_of(folder.path(), &scan));
        assert_eq!(row["verdict"], "element-missing", "{row}");
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains(element) && reason.contains("`tubelet doctor`"), "{reason}");
    }
    fs::remove_file(manifest).unwrap();
}
