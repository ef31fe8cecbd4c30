//! The frames of a clip as crops are cut from them: of one size, upright, each distinct one once.

use schemas::settings::Resample;

use crate::{
    picture::{Orientation, Picture},
    source::{ClipFrames, Pixels, places_in},
    transform::{
        self,
        crop::Window,
        lines::Lines,
        orientation,
        planes::{PlaneResize, Scratch},
        rgb::resize::Resize,
        whole_planes,
    },
};

/// The distinct frames of a clip, of one size once upright (and, where asked for, resized).
pub(super) struct Upright {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Which distinct frame each frame of the clip is.
    pub places: Vec<usize>,
    frames: Frames,
}

/// What the frames are made of.
enum Frames {
    /// Planes that stand upright.
    Planes(Vec<Picture>),
    /// Planes as they were decoded, to be converted to RGB before anything else.
    Coded(Vec<Picture>, Orientation),
    /// Interleaved RGB, frame after frame.
    Rgb(Vec<u8>),
}

impl Upright {
    /// Takes the pixels of `frames`. RGB that was stored can only be cut as RGB.
    pub fn of(frames: &mut ClipFrames, short_side: u32, resample: Resample) -> Self {
        let empty = Pixels::Rgb { width: 0, height: 0, bytes: Vec::new() };
        let (pictures, orientation) = match std::mem::replace(&mut frames.pixels, empty) {
            Pixels::Pictures { pictures, orientation } => (pictures, orientation),
            Pixels::Rgb { width, height, bytes } => {
                let places = (0..frames.ranks.len()).collect();
                return Self { size: (width, height), places, frames: Frames::Rgb(bytes) };
            }
        };
        let places = places_in(&pictures, &frames.ranks);
        let pictures = pictures.into_iter().map(|(_, picture)| picture);
        match resample {
            Resample::Planes => {
                let stays = short_side == 0 && orientation == Orientation::default();
                let upright = |picture: Picture| match stays {
                    true => picture,
                    false => whole_planes(&picture, orientation, short_side),
                };
                let pictures: Vec<_> = pictures.map(upright).collect();
                let size = pictures.first().map_or((0, 0), |picture| (picture.width, picture.height));
                Self { size, places, frames: Frames::Planes(pictures) }
            }
            Resample::Rgb if short_side == 0 => {
                let pictures: Vec<_> = pictures.collect();
                let coded = pictures.first().map_or((0, 0), |picture| (picture.width, picture.height));
                let size = orientation::upright_size(orientation, coded);
                Self { size, places, frames: Frames::Coded(pictures, orientation) }
            }
            Resample::Rgb => {
                let (mut size, mut bytes) = ((0, 0), Vec::new());
                for picture in pictures {
                    let frame = transform::whole_frame(&picture, orientation, short_side);
                    size = (frame.width, frame.height);
                    bytes.extend_from_slice(&frame.pixels);
                }
                Self { size, places, frames: Frames::Rgb(bytes) }
            }
        }
    }

    /// How many distinct frames there are.
    pub fn distinct(&self) -> usize {
        match &self.frames {
            Frames::Planes(pictures) | Frames::Coded(pictures, _) => pictures.len(),
            Frames::Rgb(bytes) => bytes.len() / self.rgb_bytes().max(1),
        }
    }

    fn rgb_bytes(&self) -> usize {
        self.size.0 as usize * self.size.1 as usize * 3
    }

    /// The way from `crop` of each frame to `clip` columns and rows; its weights are computed once.
    pub fn cut(&self, crop: Window, clip: (u32, u32)) -> Cut<'_> {
        let resize = || Resize::new((crop.width, crop.height), clip);
        match &self.frames {
            Frames::Planes(pictures) => {
                let resize = pictures.first().map(|picture| PlaneResize::new(picture, crop, clip));
                Cut::Planes { pictures, resize, crop, clip }
            }
            Frames::Coded(pictures, orientation) => {
                Cut::Coded { pictures, orientation: *orientation, resize: resize(), crop }
            }
            Frames::Rgb(bytes) => {
                Cut::Rgb { bytes, width: self.size.0, frame: self.rgb_bytes(), resize: resize(), crop }
            }
        }
    }
}

/// A frame at the clip's size, and the memory that it takes to make one.
#[derive(Default)]
pub(super) struct Canvas {
    /// The frame.
    pub frame: Lines,
    spare: Lines,
    scratch: Scratch,
}

/// A crop of all frames, made from what they are.
pub(super) enum Cut<'a> {
    Planes { pictures: &'a [Picture], resize: Option<PlaneResize>, crop: Window, clip: (u32, u32) },
    Coded { pictures: &'a [Picture], orientation: Orientation, resize: Resize, crop: Window },
    Rgb { bytes: &'a [u8], width: u32, frame: usize, resize: Resize, crop: Window },
}

impl Cut<'_> {
    /// Puts the crop of distinct frame `at` into the canvas.
    pub fn draw(&mut self, at: usize, canvas: &mut Canvas) {
        let Canvas { frame, spare, scratch } = canvas;
        match self {
            Self::Planes { pictures, resize, crop, clip } => {
                let picture = &pictures[at];
                let resize = match resize {
                    Some(resize) if resize.fits(picture) => resize,
                    // A stream that changes its layout between two frames is refused when decoded.
                    other => other.insert(PlaneResize::new(picture, *crop, *clip)),
                };
                resize.run(picture, frame, scratch);
            }
            Self::Coded { pictures, orientation, resize, crop } => {
                transform::window_of(&pictures[at], *orientation, *crop, frame, spare);
                resize.run(frame, spare);
            }
            Self::Rgb { bytes, width, frame: of_frame, resize, crop } => {
                frame.cut_from(&bytes[at * *of_frame..][..*of_frame], *width, *crop);
                resize.run(frame, spare);
            }
        }
    }
}
