//! How a film is turned upright, of what its container and its stream say.
//!
//! The rule is that of FFmpeg 8, which puts the container's matrix on every frame before the stream's and shows a film
//! by the first frame: a container that turns pictures counts, else the stream's first message of display orientation.
//! A film whose later messages say something else would be turned on the way, and is refused, as one is whose size
//! changes. So are angles that are no quarter turns.

use crate::{
    codec::sei::{Turn, Turns},
    error::VideoError,
    picture::Orientation,
};

/// The orientation of a film whose container says `container`.
pub(super) fn upright(container: Orientation, turns: Turns) -> Result<Orientation, VideoError> {
    if container != Orientation::default() {
        return Ok(container);
    }
    let first = turns.first.map_or(Ok(container), quarter)?;
    let later = turns.other.map_or(Ok(first), quarter)?;
    if later != first {
        return Err(VideoError::CapsChanged { before: words(first), after: words(later) });
    }
    Ok(first)
}

fn quarter(turn: Turn) -> Result<Orientation, VideoError> {
    match turn {
        Turn::Quarter(orientation) => Ok(orientation),
        Turn::Odd(degrees) => Err(VideoError::OddTurn { degrees }),
    }
}

fn words(orientation: Orientation) -> String {
    let mirrored = if orientation.mirrored { "mirrored and " } else { "" };
    format!("{mirrored}turned by {}°", u32::from(orientation.quarter_turns) * 90)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quarter turns of a film whose container and messages say so many.
    fn found(container: u8, first: Option<u8>, other: Option<u8>) -> Option<u8> {
        let orientation = |quarter_turns| Orientation { quarter_turns, mirrored: false };
        let turn = |turns: Option<u8>| turns.map(|turns| Turn::Quarter(orientation(turns)));
        let turns = Turns { first: turn(first), other: turn(other) };
        upright(orientation(container), turns).ok().map(|orientation| orientation.quarter_turns)
    }

    #[test]
    fn a_container_that_turns_pictures_counts_before_the_stream() {
        assert_eq!(found(2, Some(3), None), Some(2));
        assert_eq!(found(2, Some(3), Some(1)), Some(2));
        assert_eq!(found(0, Some(3), None), Some(3));
        assert_eq!(found(0, None, None), Some(0));
    }

    #[test]
    fn a_film_that_is_turned_on_the_way_is_refused() {
        assert_eq!(found(0, Some(1), Some(2)), None);
        assert_eq!(found(0, Some(1), Some(0)), None);
        assert_eq!(found(0, Some(0), Some(1)), None);
    }

    #[test]
    fn an_odd_angle_is_refused_by_name() {
        let odd = Turns { first: Some(Turn::Odd(45)), other: None };
        let error = upright(Orientation::default(), odd).unwrap_err();
        assert_eq!(error.verdict(), "odd-turn");
        assert!(error.to_string().contains("45°"), "{error}");
    }
}
