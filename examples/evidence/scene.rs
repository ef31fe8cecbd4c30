//! What a video shows: one thing that drifts in one of eight directions over a still texture, on a torus.
//!
//! ```text
//! ┌────────┐ ┌────────┐ ┌────────┐
//! │     ▓▓ │ │▓     ▓ │ │ ▓▓     │   what leaves on the right comes in on the left, so a frame by itself
//! └────────┘ └────────┘ └────────┘   is equally likely in every class
//! ```
//!
//! Where the thing is at first is drawn uniformly. Hence no frame tells the class; a clip shown backwards is a
//! clip of the opposite class; and the frames without their order tell the axis at most. Everything about a
//! scene follows from (seed, set, number).

use pipeline::draws::{Draws, Purpose};

/// Width and height of a frame in pixels.
pub const SIDE: usize = 32;

/// Classes: directions in steps of 45°, so that the opposite of `d` is `d + 4` modulo 8.
pub const DIRECTIONS: usize = 8;

/// Names of the classes, in the order of their numbers.
pub const NAMES: [&str; DIRECTIONS] =
    ["right", "right-down", "down", "left-down", "left", "left-up", "up", "right-up"];

/// Columns and rows that a thing moves along, by direction.
pub const STEPS: [(i32, i32); DIRECTIONS] =
    [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];

/// Pixels an axis that a thing moves from one frame to the next. Less than a quarter of the torus, so that
/// neither two frames nor the two frames of a cube can be taken for the opposite motion.
pub const SPEEDS: [i32; 2] = [2, 3];

/// Waves that a texture is the sum of.
const WAVES: usize = 3;

/// The opposite direction.
pub fn opposite(direction: usize) -> usize {
    (direction + DIRECTIONS / 2) % DIRECTIONS
}

/// A frame: RGB bytes, row by row.
pub type Frame = Vec<u8>;

/// One video's scene.
#[derive(Clone, Debug)]
pub struct Scene {
    direction: usize,
    speed: i32,
    start: (i32, i32),
    shape: Shape,
    radius: f64,
    thing: Texture,
    ground: Texture,
}

/// Outline of the thing.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Disc,
    Square,
    Diamond,
    Ring,
}

/// Colours that repeat with the torus.
#[derive(Clone, Debug)]
struct Texture {
    colour: [f64; 3],
    waves: [Wave; WAVES],
}

/// A wave of whole cycles along each axis.
#[derive(Clone, Copy, Debug)]
struct Wave {
    cycles: (f64, f64),
    phase: f64,
    height: [f64; 3],
}

impl Scene {
    /// Scene `number` of the set `set`, drifting in `direction`.
    pub fn draw(seed: u64, set: u32, number: u64, direction: usize) -> Self {
        let mut draws = Draws::new(seed, Purpose::Scene, set, number);
        let ground = Texture::draw(&mut draws, 22.0);
        let mut thing = Texture::draw(&mut draws, 30.0);
        // Told apart from the ground by brightness, which H.264 keeps at full resolution.
        let bright = |texture: &Texture| texture.colour.iter().sum::<f64>() / 3.0;
        let wanted =
            if bright(&ground) > 128.0 { draws.between(20.0, 60.0) } else { draws.between(195.0, 235.0) };
        let by = wanted - bright(&thing);
        thing.colour.iter_mut().for_each(|value| *value += by);
        let side = SIDE as u64;
        Self {
            direction,
            speed: SPEEDS[draws.place(SPEEDS.len())],
            start: (draws.below(side) as i32, draws.below(side) as i32),
            shape: [Shape::Disc, Shape::Square, Shape::Diamond, Shape::Ring][draws.place(4)],
            radius: draws.between(5.0, 7.0),
            thing,
            ground,
        }
    }

    /// What it shows at `time`, in frames.
    pub fn frame(&self, time: i32) -> Frame {
        let side = SIDE as i32;
        let (right, down) = STEPS[self.direction];
        let moved = self.speed * time;
        let (x, y) = (self.start.0 + right * moved, self.start.1 + down * moved);
        let mut bytes = Vec::with_capacity(SIDE * SIDE * 3);
        for row in 0..side {
            for column in 0..side {
                // From the middle of the thing, the short way around.
                let across = (column - x + side / 2).rem_euclid(side) - side / 2;
                let along = (row - y + side / 2).rem_euclid(side) - side / 2;
                let texture = if self.shape.covers(across, along, self.radius) {
                    self.thing.at(across, along)
                } else {
                    self.ground.at(column, row)
                };
                bytes.extend(texture.map(|value| value.round().clamp(0.0, 255.0) as u8));
            }
        }
        bytes
    }

    /// Its first `count` frames.
    pub fn frames(&self, count: usize) -> Vec<Frame> {
        (0..count as i32).map(|time| self.frame(time)).collect()
    }
}

impl Shape {
    fn covers(self, across: i32, along: i32, radius: f64) -> bool {
        let (x, y) = (f64::from(across.abs()), f64::from(along.abs()));
        match self {
            Self::Disc => x.hypot(y) <= radius,
            Self::Square => x.max(y) <= radius * 0.9,
            Self::Diamond => x + y <= radius * 1.25,
            Self::Ring => (radius * 0.45..=radius).contains(&x.hypot(y)),
        }
    }
}

impl Texture {
    fn draw(draws: &mut Draws, height: f64) -> Self {
        let colour = [0; 3].map(|_| draws.between(40.0, 215.0));
        let waves = [0; WAVES].map(|_| Wave {
            cycles: (draws.below(7) as f64 - 3.0, draws.below(7) as f64 - 3.0),
            phase: draws.between(0.0, std::f64::consts::TAU),
            height: [0; 3].map(|_| draws.between(-height, height)),
        });
        Self { colour, waves }
    }

    fn at(&self, x: i32, y: i32) -> [f64; 3] {
        let mut value = self.colour;
        for wave in self.waves {
            let turns = (wave.cycles.0 * f64::from(x) + wave.cycles.1 * f64::from(y)) / SIDE as f64;
            let now = (std::f64::consts::TAU * turns + wave.phase).sin();
            value.iter_mut().zip(wave.height).for_each(|(value, height)| *value += height * now);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reversed_video_is_one_of_the_opposite_class() {
        for direction in 0..DIRECTIONS {
            let scene = Scene::draw(7, 0, 5, direction);
            let mut reversed = scene.frames(8);
            reversed.reverse();
            let right = 7 * scene.speed * STEPS[direction].0;
            let down = 7 * scene.speed * STEPS[direction].1;
            let start = (scene.start.0 + right, scene.start.1 + down);
            let other = Scene { direction: opposite(direction), start, ..scene };
            assert!(other.frames(8) == reversed, "{}", NAMES[direction]);
        }
    }

    #[test]
    fn a_frame_is_the_same_in_every_class_but_for_its_start() {
        let at = |direction| Scene { start: (3, 29), ..Scene::draw(7, 0, 5, direction) }.frame(0);
        assert!((1..DIRECTIONS).all(|direction| at(direction) == at(0)));
    }

    #[test]
    fn a_thing_that_leaves_comes_in_on_the_other_side() {
        let scene = Scene { speed: 2, ..Scene::draw(1, 0, 0, 1) };
        assert!(scene.frame(SIDE as i32 / 2) == scene.frame(0));
        assert!(scene.frame(1) != scene.frame(0));
    }
}
