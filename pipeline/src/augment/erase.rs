//! Random erasing (`random_erasing.py`): the same box in all frames, to be filled with noise.

use crate::{draws::Draws, transform::crop::Window};

/// Share of the frame that a box covers.
const AREA: (f64, f64) = (0.02, 1.0 / 3.0);
/// Smallest height over width; the largest is its inverse.
const ASPECT: f64 = 0.3;
/// Boxes that are tried before none is erased.
const TRIES: u32 = 100;

/// The columns and rows of a box, or none where it does not lie strictly inside a frame of `clip` columns
/// and rows. `area` and `aspect` are places in their ranges, 0 to 1.
pub fn size(clip: (u32, u32), area: f64, aspect: f64) -> Option<(u32, u32)> {
    let covered = (AREA.0 + (AREA.1 - AREA.0) * area) * f64::from(clip.0) * f64::from(clip.1);
    let (low, high) = (ASPECT.ln(), (1.0 / ASPECT).ln());
    let aspect = (low + (high - low) * aspect).exp();
    let height = (covered * aspect).sqrt().round_ties_even() as u32;
    let width = (covered / aspect).sqrt().round_ties_even() as u32;
    (width < clip.0 && height < clip.1).then_some((width, height))
}

/// With `probability`, a box in a clip of `clip` columns and rows.
#[doc(alias = "RandomErasing")]
pub fn draw(clip: (u32, u32), probability: f64, draws: &mut Draws) -> Option<Window> {
    if draws.unit() >= probability {
        return None;
    }
    let (width, height) = (0..TRIES).find_map(|_| {
        let (area, aspect) = (draws.unit(), draws.unit());
        size(clip, area, aspect)
    })?;
    let y = draws.below(u64::from(clip.1 - height) + 1) as u32;
    let x = draws.below(u64::from(clip.0 - width) + 1) as u32;
    Some(Window { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn the_middle_of_the_range_is_a_square() {
        assert_eq!(size((224, 224), 0.0, 0.5), Some((32, 32)));
        assert_eq!(size((224, 224), 1.0, 0.5), Some((129, 129)));
        assert_eq!(size((224, 224), 1.0, 0.0), None);
    }

    #[test]
    fn boxes_lie_inside_the_clip() {
        for number in 0..2000 {
            let mut draws = Draws::new(0, Purpose::Erase, 0, number);
            let Window { x, y, width, height } = draw((48, 32), 1.0, &mut draws).unwrap();
            assert!(x + width <= 48 && y + height <= 32 && width < 48 && height < 32);
        }
    }
}
