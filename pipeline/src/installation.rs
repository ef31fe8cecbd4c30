//! What is installed of GStreamer's elements and of the libraries that read and write videos here.
//!
//! Nothing is decoded: an element counts as installed where GStreamer knows it and its plugin loads.

#[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
use crate::decode::dav1d::self_test;
use gst::prelude::*;
use gstreamer as gst;

use crate::{codec::Codec, decode::elements, demux::demuxer, file::Container, preprocess::encode};

/// An element of GStreamer, or a library, and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Name of the element, such as `avdec_h264`, or of the library.
    pub name: &'static str,
    /// What was found.
    pub state: PartState,
}

/// Whether a part is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    /// It can be used.
    Installed {
        /// The plugin of GStreamer that has the element; none where it is a library of its own.
        plugin: Option<String>,
        /// The plugin's version.
        version: Option<String>,
    },
    /// GStreamer lists it, but its plugin does not load.
    DoesNotLoad,
    /// GStreamer does not list it.
    Missing,
}

impl Part {
    /// The element of this name. GStreamer must be initialised.
    fn element(name: &'static str) -> Self {
        let state = match gst::ElementFactory::find(name) {
            None => PartState::Missing,
            Some(factory) => match factory.load() {
                Err(_) => PartState::DoesNotLoad,
                Ok(_) => {
                    let plugin = factory.plugin();
                    PartState::Installed {
                        plugin: plugin.as_ref().map(|plugin| plugin.plugin_name().to_string()),
                        version: plugin.map(|plugin| plugin.version().to_string()),
                    }
                }
            },
        };
        Self { name, state }
    }

    /// Whether it can be used.
    pub fn is_installed(&self) -> bool {
        matches!(self.state, PartState::Installed { .. })
    }
}

/// Version of the GStreamer that is linked, such as `1.22.0`; none where it cannot be initialised.
pub fn gstreamer_version() -> Option<String> {
    gst::init().ok()?;
    let (major, minor, micro, _) = gst::version();
    Some(format!("{major}.{minor}.{micro}"))
}

/// The parts that decode a codec; all of them are needed. GStreamer must have given its version.
pub fn decoder(codec: Codec) -> Vec<Part> {
    #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
    if codec == Codec::Av1 {
        let library = Part { name: "dav1d", state: PartState::Installed { plugin: None, version: None } };
        // libaom looks for the damage that an old dav1d does not report.
        let checker = (!self_test::finds_damage()).then(|| Part::element(elements::LIBAOM));
        return std::iter::once(library).chain(checker).collect();
    }
    let parts: Vec<Part> = elements::names(codec).iter().map(|name| Part::element(name)).collect();
    let best = parts.iter().find(|part| part.is_installed()).or(parts.first());
    best.cloned().into_iter().collect()
}

/// The parts that take a container apart, with the parsers that some of its codecs need; none where this crate reads it
/// by itself. GStreamer must have given its version.
pub fn demuxer(container: Container) -> Vec<Part> {
    demuxer::element_names(container).into_iter().map(Part::element).collect()
}

/// The part that encodes videos into packet shards. GStreamer must have given its version.
pub fn encoder() -> Part {
    Part::element(encode::ELEMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_has_a_decoder_and_own_demuxers_need_no_element() {
        assert!(gstreamer_version().is_some());
        for codec in Codec::ALL {
            assert!(!decoder(codec).is_empty(), "{codec:?}");
        }
        assert_eq!(demuxer(Container::Mp4), []);
        assert_eq!(demuxer(Container::Avi)[0].name, "avidemux");
        assert_eq!(Part::element("no_such_element").state, PartState::Missing);
    }
}
