//! `replay TARGET FOLDER [COUNT]`: gives the files of a folder to a target, and COUNT damaged copies of them.
//!
//! It needs no nightly compiler and no libFuzzer, and finds what a structural corpus leads to. The copy in hand is kept
//! in the temporary folder as `replay-TARGET`, so that a failure can be had again.

use std::{env, fs, process::ExitCode};

/// Random numbers (SplitMix64).
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end.max(1) as u64) as usize
    }
}

/// What stands in hostile fields.
const WORDS: [u32; 8] = [0, 1, 8, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_fff0, u32::MAX];

/// Changes some bytes, puts large numbers, repeats or takes away a part.
fn damage(bytes: &mut Vec<u8>, draws: &mut Draws) {
    for _ in 0..1 + draws.below(4) {
        let at = draws.below(bytes.len());
        match draws.below(5) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = draws.below(256) as u8),
            1 => {
                let word = WORDS[draws.below(WORDS.len())];
                let word = if draws.below(2) == 0 { word.to_be_bytes() } else { word.to_le_bytes() };
                bytes.iter_mut().skip(at).zip(word).for_each(|(byte, other)| *byte = other);
            }
            2 => bytes.truncate(at),
            3 => {
                let part = bytes[at..(at + draws.below(64)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part.repeat(1 + draws.below(8)));
            }
            _ => drop(bytes.splice(at..(at + draws.below(16)).min(bytes.len()), [])),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, folder, count @ ..] = &arguments[..] else {
        let names: Vec<_> = tubelet_fuzz::targets().map(|(name, _)| *name).collect();
        eprintln!("usage: replay TARGET FOLDER [COUNT]\ntargets: {}", names.join(" "));
        return ExitCode::from(2);
    };
    let files = fs::read_dir(folder).expect("the folder can be read").filter_map(|file| fs::read(file.ok()?.path()).ok());
    let mut files: Vec<Vec<u8>> = files.collect();
    files.iter().for_each(|bytes| tubelet_fuzz::run(target, bytes));
    files.push(Vec::new());
    let count: u64 = count.first().and_then(|count| count.parse().ok()).unwrap_or(0);
    for number in 0..count {
        let mut draws = Draws(number);
        let mut bytes = files[draws.below(files.len())].clone();
        damage(&mut bytes, &mut draws);
        // What cannot be written is tried all the same.
        let _ = fs::write(env::temp_dir().join(format!("replay-{target}")), &bytes);
        tubelet_fuzz::run(target, &bytes);
    }
    println!("{target}: {} files, {count} damaged copies", files.len() - 1);
    ExitCode::SUCCESS
}
