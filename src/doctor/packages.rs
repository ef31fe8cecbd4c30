//! Which package brings an element of GStreamer, by the names of five families of systems.
//!
//! The names for Debian and Ubuntu were tried; the others were taken from the distributions' own lists of files.
//! `scripts/setup.sh` installs the same packages, which a test holds it to.

use serde::Serialize;

use super::{Missing, system::System};

/// What brings an element on a family of systems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// The family.
    pub system: System,
    /// The packages; more than one where one of them alone does not do.
    pub names: Vec<&'static str>,
    /// The repository that has them, where it is not the system's own.
    pub repository: Option<&'static str>,
}

/// The sets that GStreamer's plugins are published in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PluginSet {
    Base,
    Good,
    Bad,
    Ugly,
    Libav,
}

impl PluginSet {
    /// The set that has an element.
    fn of(element: &str) -> Self {
        match element {
            "oggdemux" | "theoradec" => Self::Base,
            "avidemux" | "flvdemux" | "dvdemux" => Self::Good,
            "x264enc" | "asfdemux" => Self::Ugly,
            name if name.starts_with("avdec_") => Self::Libav,
            _ => Self::Bad,
        }
    }
}

/// What brings an element on a family of systems.
fn package(element: &str, system: System) -> Package {
    use PluginSet::{Bad, Base, Good, Libav, Ugly};
    let set = PluginSet::of(element);
    let name = match (system, set) {
        (System::Debian, Base) => "gstreamer1.0-plugins-base",
        (System::Debian, Good) => "gstreamer1.0-plugins-good",
        (System::Debian, Bad) => "gstreamer1.0-plugins-bad",
        (System::Debian, Ugly) => "gstreamer1.0-plugins-ugly",
        (System::Debian, Libav) => "gstreamer1.0-libav",
        (System::Fedora, Base) => "gstreamer1-plugins-base",
        (System::Fedora, Good) => "gstreamer1-plugins-good",
        (System::Fedora, Bad) => "gstreamer1-plugins-bad-free",
        (System::Fedora, Ugly) => "gstreamer1-plugins-ugly",
        (System::Fedora, Libav) => "gstreamer1-plugin-libav",
        (System::Arch, Base) => "gst-plugins-base",
        (System::Arch, Good) => "gst-plugins-good",
        (System::Arch, Bad) => "gst-plugins-bad",
        (System::Arch, Ugly) => "gst-plugins-ugly",
        (System::Arch, Libav) => "gst-libav",
        (System::OpenSuse, Base) => "gstreamer-plugins-base",
        (System::OpenSuse, Good) => "gstreamer-plugins-good",
        (System::OpenSuse, Bad) => "gstreamer-plugins-bad",
        (System::OpenSuse, Ugly) => "gstreamer-plugins-ugly",
        (System::OpenSuse, Libav) => "gstreamer-plugins-libav",
        (System::Homebrew, _) => "gstreamer",
    };
    // The FFmpeg of Fedora and of openSUSE is built without these two decoders.
    let is_restricted = matches!(element, "avdec_h264" | "avdec_h265");
    let (second, repository) = match (system, set) {
        (System::Fedora, Libav) if is_restricted => (Some("libavcodec-freeworld"), Some("RPM Fusion")),
        (System::Fedora, Ugly) => (None, Some("RPM Fusion")),
        (System::OpenSuse, Libav) if is_restricted => (None, Some("Packman, with its FFmpeg")),
        (System::OpenSuse, Ugly) => (None, Some("Packman")),
        _ => (None, None),
    };
    Package { system, names: std::iter::once(name).chain(second).collect(), repository }
}

/// What brings an element on every family of systems; `here` is the first.
pub(super) fn packages(element: &str, here: Option<System>) -> Vec<Package> {
    let others = System::ALL.into_iter().filter(|system| Some(*system) != here);
    here.into_iter().chain(others).map(|system| package(element, system)).collect()
}

/// The command line that brings all that is missing on a family of systems, with the repositories that it needs
/// besides the system's own; each package is named once.
pub fn install_line<'a>(missing: impl IntoIterator<Item = &'a Missing>, system: System) -> String {
    let (mut names, mut repositories) = (Vec::new(), Vec::new());
    let packages = missing.into_iter().flat_map(|missing| &missing.packages);
    for package in packages.filter(|package| package.system == system) {
        names.extend(&package.names);
        repositories.extend(package.repository);
    }
    let once = |words: &mut Vec<&'static str>| {
        words.sort_unstable();
        words.dedup();
    };
    once(&mut names);
    once(&mut repositories);
    let line = format!("{} {}", system.installer(), names.join(" "));
    if repositories.is_empty() { line } else { format!("{line} (from {})", repositories.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(name: &'static str) -> Missing {
        Missing { name, does_not_load: false, packages: packages(name, Some(System::Fedora)) }
    }

    #[test]
    fn every_package_is_one_that_the_setup_script_installs() {
        let script = std::fs::read_to_string("scripts/setup.sh").unwrap();
        let words: Vec<&str> = script.split([' ', '\n', '(', ')', '"']).collect();
        for element in ["avidemux", "tsdemux", "oggdemux", "asfdemux", "x264enc", "avdec_vp9", "avdec_h264"] {
            for package in packages(element, None) {
                for name in package.names {
                    assert!(words.contains(&name), "scripts/setup.sh does not install {name}");
                }
            }
        }
    }

    #[test]
    fn a_line_names_each_package_once_and_this_system_comes_first() {
        let missing = [missing("avdec_h264"), missing("avdec_vp9"), missing("tsdemux")];
        assert_eq!(
            install_line(&missing, System::Debian),
            "apt-get install gstreamer1.0-libav gstreamer1.0-plugins-bad"
        );
        assert_eq!(
            install_line(&missing, System::Fedora),
            "dnf install gstreamer1-plugin-libav gstreamer1-plugins-bad-free libavcodec-freeworld \
             (from RPM Fusion)"
        );
        assert_eq!(install_line(&missing, System::Homebrew), "brew install gstreamer");
        assert_eq!(missing[0].packages[0].system, System::Fedora);
        assert_eq!(missing[0].packages.len(), System::ALL.len());
    }
}
