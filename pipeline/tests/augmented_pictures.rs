//! The pictures that Pillow, OpenCV and PyTorch make of the same inputs, within the tolerances that stand
//! beside them.

// Each test file uses another part of it.
#[allow(dead_code)]
mod golden_folders;

use std::{collections::BTreeMap, path::Path};

use golden_folders::{json, number, with_file};
use pipeline::{
    augment::{opencv, operation::Operation, resized_crop},
    sampling::labelled,
    transform::{RgbFrame, crop::Window},
};
use safetensors::SafeTensors;
use serde_json::Value;

/// Shape and bytes of every tensor of the file.
fn tensors(folder: &Path) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let bytes = std::fs::read(folder.join("augment.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.shape().to_vec(), view.data().to_vec())))
        .collect()
}

fn frame((shape, bytes): &(Vec<usize>, Vec<u8>)) -> RgbFrame {
    RgbFrame { width: shape[1] as u32, height: shape[0] as u32, pixels: bytes.clone() }
}

fn floats((_, bytes): &(Vec<usize>, Vec<u8>)) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

fn operation(row: &Value) -> Operation {
    let argument = || row["args"][0].as_f64().unwrap();
    let whole = || row["args"][0].as_u64().unwrap() as u32;
    match row["op"].as_str().unwrap() {
        "AutoContrast" => Operation::AutoContrast,
        "Equalize" => Operation::Equalize,
        "Invert" => Operation::Invert,
        "Rotate" => Operation::Rotate(argument()),
        "PosterizeIncreasing" => Operation::Posterize(whole()),
        "SolarizeIncreasing" => Operation::Solarize(whole()),
        "SolarizeAdd" => Operation::SolarizeAdd(whole()),
        "ColorIncreasing" => Operation::Color(argument()),
        "ContrastIncreasing" => Operation::Contrast(argument()),
        "BrightnessIncreasing" => Operation::Brightness(argument()),
        "SharpnessIncreasing" => Operation::Sharpness(argument()),
        "ShearX" => Operation::ShearX(argument()),
        "ShearY" => Operation::ShearY(argument()),
        "TranslateXRel" => Operation::TranslateX(argument()),
        "TranslateYRel" => Operation::TranslateY(argument()),
        other => panic!("unknown operation {other}"),
    }
}

fn is_geometric(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Rotate(_)
            | Operation::ShearX(_)
            | Operation::ShearY(_)
            | Operation::TranslateX(_)
            | Operation::TranslateY(_)
    )
}

/// Largest difference, and the share of values that differ.
fn difference(found: &RgbFrame, expected: &RgbFrame) -> (u8, f64) {
    assert_eq!((found.width, found.height), (expected.width, expected.height));
    let pairs = || found.pixels.iter().zip(&expected.pixels);
    let largest = pairs().map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let share = pairs().filter(|(a, b)| a != b).count() as f64 / found.pixels.len() as f64;
    (largest, share)
}

#[test]
fn operations_give_pillows_pictures() {
    for folder in with_file("augment.json") {
        let (about, tensors) = (json(&folder, "augment.json"), tensors(&folder));
        let tolerance = |key: &str| about["tolerance"][key].as_f64().unwrap();
        let mut worst = (0, 0.0);
        for row in about["ops"].as_array().unwrap() {
            let operation = operation(row);
            let mut found = frame(&tensors["image"]);
            operation.apply(&mut found);
            let (largest, share) = difference(&found, &frame(&tensors[row["tensor"].as_str().unwrap()]));
            worst = (worst.0.max(largest), f64::max(worst.1, share));
            let (level, allowed) = if is_geometric(operation) {
                (tolerance("geometric_ops"), tolerance("geometric_ops_share"))
            } else {
                (tolerance("lookup_and_blend_ops"), 0.0)
            };
            assert!(
                f64::from(largest) <= level && share <= allowed,
                "{operation:?}: largest difference {largest}, {:.3} % differ",
                100.0 * share
            );
        }
        println!(
            "{}: operations differ by at most {} in {:.3} %",
            folder.display(),
            worst.0,
            100.0 * worst.1
        );
    }
}

#[test]
fn resizing_gives_opencvs_pictures() {
    for folder in with_file("augment.json") {
        let (about, tensors) = (json(&folder, "augment.json"), tensors(&folder));
        let input = frame(&tensors["resize.input"]);
        for row in about["resize"].as_array().unwrap() {
            let size = labelled::resized((input.width, input.height), number(row, "short"));
            let found = opencv::resize(&input, size);
            let (largest, share) = difference(&found, &frame(&tensors[row["tensor"].as_str().unwrap()]));
            println!("{row}: largest difference {largest}, {:.3} % differ", 100.0 * share);
            assert!(f64::from(largest) <= about["tolerance"]["resize"].as_f64().unwrap(), "{row}: {largest}");
        }
    }
}

#[test]
fn crops_give_pytorchs_floats() {
    for folder in with_file("augment.json") {
        let (about, tensors) = (json(&folder, "augment.json"), tensors(&folder));
        let (shape, _) = &tensors["crop.input_normalised"];
        let input = floats(&tensors["crop.input_normalised"]);
        for row in about["crops"].as_array().unwrap() {
            let window = Window {
                x: number(row, "x"),
                y: number(row, "y"),
                width: number(row, "width"),
                height: number(row, "height"),
            };
            let size = number(row, "size");
            let expected = floats(&tensors[row["tensor"].as_str().unwrap()]);
            let found = input
                .chunks_exact(shape[1] * shape[2])
                .flat_map(|plane| resized_crop::resize_plane(plane, shape[2] as u32, window, (size, size)));
            let largest = found.zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{row}: largest difference {largest}");
            assert!(
                f64::from(largest) <= about["tolerance"]["crop_f32"].as_f64().unwrap(),
                "{row}: {largest}"
            );
        }
    }
}
