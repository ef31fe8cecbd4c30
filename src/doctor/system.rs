//! Which family of systems this one is of, since packages have other names in each.

use std::fs;

use serde::Serialize;

/// Systems with the same names of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum System {
    /// Debian, Ubuntu and what is made of them.
    #[serde(rename = "Debian and Ubuntu")]
    Debian,
    /// Fedora, and Red Hat's with the packages of EPEL.
    Fedora,
    /// Arch Linux and what is made of it.
    #[serde(rename = "Arch Linux")]
    Arch,
    /// openSUSE.
    #[serde(rename = "openSUSE")]
    OpenSuse,
    /// Homebrew, on macOS.
    Homebrew,
}

impl System {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Debian, Self::Fedora, Self::Arch, Self::OpenSuse, Self::Homebrew];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian and Ubuntu",
            Self::Fedora => "Fedora",
            Self::Arch => "Arch Linux",
            Self::OpenSuse => "openSUSE",
            Self::Homebrew => "Homebrew",
        }
    }

    /// The command that installs packages.
    pub fn installer(self) -> &'static str {
        match self {
            Self::Debian => "apt-get install",
            Self::Fedora => "dnf install",
            Self::Arch => "pacman -S",
            Self::OpenSuse => "zypper install",
            Self::Homebrew => "brew install",
        }
    }

    /// The one that this process runs on.
    pub(super) fn here() -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Self::Homebrew);
        }
        Self::of_os_release(&fs::read_to_string("/etc/os-release").ok()?)
    }

    /// The family by what `/etc/os-release` says: the system's own name first, then those it is made of.
    fn of_os_release(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let names = format!("{} {}", value("ID"), value("ID_LIKE"));
        names.split_whitespace().find_map(|name| match name {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            name if name.contains("suse") => Some(Self::OpenSuse),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_their_own_name_or_by_what_they_are_made_of() {
        for (text, system) in [
            ("PRETTY_NAME=\"Debian\"\nID=debian\n", Some(System::Debian)),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Some(System::Debian)),
            ("ID=fedora\n", Some(System::Fedora)),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Some(System::Fedora)),
            ("ID=manjaro\nID_LIKE=arch\n", Some(System::Arch)),
            ("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", Some(System::OpenSuse)),
            ("ID=nixos\n", None),
            ("", None),
        ] {
            assert_eq!(System::of_os_release(text), system, "{text}");
        }
    }
}
