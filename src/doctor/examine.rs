//! Looks at this installation.

#[cfg(feature = "video")]
use pipeline::{
    codec::Codec,
    file::Container,
    installation::{self, Part, PartState},
};

use super::{Diagnosis, Format, Libtorch, cpu, system::System};
#[cfg(feature = "video")]
use super::{FormatKind, Installed, Missing, packages::packages};

/// Looks at what this installation can read, and at what it computes with. Takes a tenth of a second, and longer where
/// GStreamer lists its plugins anew.
pub fn doctor() -> Diagnosis {
    let system = System::here();
    let (gstreamer, formats) = videos(system);
    Diagnosis {
        version: env!("CARGO_PKG_VERSION"),
        video: cfg!(feature = "video"),
        gstreamer,
        system,
        formats,
        cpu: cpu::examine(),
        devices: trainer::device::available(),
        libtorch: libtorch(),
    }
}

/// Version of GStreamer, and the formats.
#[cfg(feature = "video")]
fn videos(here: Option<System>) -> (Option<String>, Vec<Format>) {
    let Some(version) = installation::gstreamer_version() else { return (None, Vec::new()) };
    let codecs = Codec::ALL
        .map(|codec| format(codec_name(codec), FormatKind::Codec, installation::decoder(codec), here));
    let containers = Container::ALL.map(|container| {
        format(container_name(container), FormatKind::Container, installation::demuxer(container), here)
    });
    let encoder = format("H.264", FormatKind::Encoder, vec![installation::encoder()], here);
    (Some(version), codecs.into_iter().chain(containers).chain([encoder]).collect())
}

#[cfg(not(feature = "video"))]
fn videos(_here: Option<System>) -> (Option<String>, Vec<Format>) {
    (None, Vec::new())
}

/// The entry of a format that needs these parts.
#[cfg(feature = "video")]
fn format(name: &'static str, kind: FormatKind, parts: Vec<Part>, here: Option<System>) -> Format {
    let mut format = Format { name, kind, installed: Vec::new(), missing: Vec::new() };
    for Part { name, state } in parts {
        match state {
            PartState::Installed { plugin, version } => {
                format.installed.push(Installed { name, plugin, version });
            }
            PartState::DoesNotLoad | PartState::Missing => format.missing.push(Missing {
                name,
                does_not_load: state == PartState::DoesNotLoad,
                packages: packages(name, here),
            }),
        }
    }
    format
}

/// What people call a codec.
#[cfg(feature = "video")]
fn codec_name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "H.264",
        Codec::Hevc => "HEVC",
        Codec::Vp8 => "VP8",
        Codec::Vp9 => "VP9",
        Codec::Av1 => "AV1",
        Codec::Mpeg4 => "MPEG-4",
        Codec::Mpeg2 => "MPEG-2",
        Codec::Mpeg1 => "MPEG-1",
        Codec::Mjpeg => "Motion JPEG",
        Codec::Theora => "Theora",
        Codec::Other(codec) => codec.known_as(),
        Codec::Rgb => "RGB",
        Codec::Raw => "raw pictures",
        Codec::Png => "PNG",
    }
}

/// What people call a container.
#[cfg(feature = "video")]
fn container_name(container: Container) -> &'static str {
    match container {
        Container::Mp4 => "MP4, MOV",
        Container::Matroska => "Matroska, WebM",
        Container::Avi => "AVI",
        Container::ProgramStream => "MPEG-PS",
        Container::TransportStream => "MPEG-TS",
        Container::Flv => "FLV",
        Container::Ogg => "Ogg",
        Container::Asf => "ASF, WMV",
        Container::Mxf => "MXF",
        Container::Dv => "DV",
        Container::Ivf => "IVF",
        Container::Y4m => "Y4M",
        Container::RawH264 => "H.264 without a container",
        Container::RawHevc => "HEVC without a container",
        Container::Jpeg => "JPEG",
        Container::Png => "PNG",
        Container::Gif => "GIF",
        Container::WebP => "WebP",
    }
}

/// LibTorch, as this process has loaded it; the system's own list of the process's files tells which it is.
fn libtorch() -> Option<Libtorch> {
    let cuda_devices = trainer::device::libtorch_cuda_devices()?;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let file = maps.lines().find_map(|line| {
        let at = line.find('/')?;
        line.contains("/libtorch_cpu.").then(|| line[at..].to_owned())
    });
    Some(Libtorch { file, cuda_devices })
}
