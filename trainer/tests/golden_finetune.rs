//! The numbers of the official fine-tuning: every folder of golden files against this classifier, on every
//! device; the tables of rules; stretched positions; probes.
//!
//! Folders are those that are given (`given/mod.rs`), and the project's own in `tests/golden`. All geometry is
//! read from `meta.json`. An element passes within 1e-5 or within 1e-4 of the value, or as the folder's `tolerance` says; weights after the last step
//! also within a thousandth of the tensor's largest change, or where rounding of gradients may have moved them
//! (`trained/undetermined.rs`). The largest differences are printed.

#[path = "batches/cube.rs"]
mod cube;
mod finetuning;
mod given;
mod tensors;
mod trained;

use burn::tensor::Tensor;
use finetuning::{
    Golden, Tolerance, folders, json, number, own_folders, real, shown,
    training::{Settings, check_training, pixels, weights},
};
use serde_json::Value;
use trainer::{
    Device,
    batch::{
        masked::upload_cubes,
        mixup::{Mix, cutmix_box, upload_targets},
    },
    model::{
        classifier::Classifier, drop_path::DropPath, dropout::Dropout, layout, position_table::PositionTable,
        stages::Memory,
    },
    optimiser::{adamw::Decayed, layer_decay, learning_rate::LearningRate},
    recipe::By,
    weights::{HostTensor, Weights},
};

fn devices() -> Vec<Device> {
    let names: &[&str] = if cfg!(feature = "tch") { &["flex", "tch"] } else { &["flex"] };
    names.iter().map(|name| Device::parse(name).unwrap()).collect()
}

fn host<const D: usize>(tensor: Tensor<D>) -> HostTensor {
    HostTensor { shape: tensor.dims().to_vec(), values: tensor.try_into_vec_as().unwrap() }
}

#[test]
fn every_golden_folder_is_met_on_every_device() {
    let folders = folders();
    assert!(!folders.is_empty(), "the project's own golden folder is missing");
    let mut failures = Vec::new();
    for path in folders {
        let golden = Golden::read(&path);
        for device in devices() {
            println!("{} on {}", golden.path.display(), device.name());
            let tolerance = &golden.meta["tolerance"];
            let mut tolerance = Tolerance::new(real(&tolerance["absolute"]), real(&tolerance["relative"]));
            check_forward(&golden, &device, &mut tolerance);
            check_groups(&golden, &mut tolerance);
            let settings = Settings::of(&golden);
            check_training(&golden, &device, Memory::Everything, &settings, &mut tolerance);
            check_training(&golden, &device, Memory::BlockInputs, &settings, &mut tolerance);
            let found = tolerance.report();
            failures
                .extend(found.iter().map(|why| format!("{} on {}: {why}", path.display(), device.name())));
        }
    }
    assert!(failures.is_empty(), "{}", shown(&failures));
}

/// That the rules for trained weights let no wrong setting of the optimiser pass. Demanded of the project's own
/// folders; of the others it is printed, since in theirs a setting may not matter.
#[test]
fn wrong_settings_are_noticed_by_the_weights() {
    type Wrong = fn(&mut Settings);
    let wrong: [(&str, Wrong); 9] = [
        ("a rate a hundredth too large", |settings| settings.rate = 1.01),
        ("no weight decay", |settings| settings.betas.weight_decay = 0.0),
        ("weight decay a fifth too large", |settings| settings.betas.weight_decay *= 1.2),
        ("decayed biases", |settings| settings.decayed = Decayed::Everything),
        ("another beta1", |settings| settings.betas.beta1 = 0.5 + 0.5 * settings.betas.beta1),
        ("another beta2", |settings| settings.betas.beta2 = 1.0 - 10.0 * (1.0 - settings.betas.beta2)),
        ("another epsilon", |settings| settings.betas.epsilon *= 100.0),
        ("the patch embedding at another rate", |settings| settings.scales[0] *= 0.9),
        ("each tensor at the rate of the next", |settings| settings.scales.rotate_left(1)),
    ];
    for path in folders() {
        let golden = Golden::read(&path);
        for (what, make_wrong) in wrong {
            let mut settings = Settings::of(&golden);
            make_wrong(&mut settings);
            let mut tolerance = Tolerance::new(1e-5, 1e-4);
            check_training(&golden, &Device::flex(), Memory::Everything, &settings, &mut tolerance);
            let noticed = tolerance.failures().iter().filter(|why| why.starts_with("after")).count();
            println!("{}, {what}: noticed by {noticed}", path.display());
            let own = own_folders().contains(&path);
            assert!(noticed > 0 || !own, "{what}: no weight of {} shows it", path.display());
        }
    }
}

fn check_forward(golden: &Golden, device: &Device, tolerance: &mut Tolerance) {
    let classifier = Classifier::new(golden.shape, device);
    let (weights, pixels) = (weights(golden, device), pixels(golden, device));
    let found = classifier.classify(&weights, pixels.clone());
    tolerance.check("features", &host(found.features), golden.tensors.floats("eval.features"));
    tolerance.check("logits", &host(found.logits), golden.tensors.floats("eval.logits"));

    let wanted = golden.tensors.floats("eval.tokens_with_position_first8");
    let first = [0..golden.batch, 0..wanted.shape[1]];
    let embedded = classifier.embed(&weights, pixels.clone()).slice(first.clone());
    let kernel = golden.tensors.floats("init.patch_embed.proj.weight");
    let sizes = sizes_of_products(&host(pixels.clone().slice(first)), kernel);
    tolerance.sums("tokens", &host(embedded), wanted, &sizes);

    if golden.tensors.has("drop_path.logits") {
        let keep = golden.tensors.floats("drop_path.keep");
        let keep = keep.values.chunks_exact(keep.shape[1]);
        let drop_path = DropPath::Given {
            rate: real(&golden.meta["drop_path"]["rate"]),
            depth: golden.shape.encoder.depth,
            keep: keep.map(|row| row.iter().map(|keep| *keep == 1.0).collect()).collect(),
        };
        let found = classifier.classify_with(&weights, pixels, &drop_path, &Dropout::Never);
        tolerance.check("drop path logits", &host(found.logits), golden.tensors.floats("drop_path.logits"));
    }
}

/// For each token and each row of `kernel` the sum of the sizes of the products that it is made of.
fn sizes_of_products(cubes: &HostTensor, kernel: &HostTensor) -> Vec<f64> {
    let cube = cubes.shape[2];
    let size = |cube: &[f32], row: &[f32]| -> f64 {
        cube.iter().zip(row).map(|(pixel, weight)| f64::from((pixel * weight).abs())).sum()
    };
    let of = |token| kernel.values.chunks_exact(cube).map(move |row| size(token, row));
    cubes.values.chunks_exact(cube).flat_map(of).collect()
}

fn check_groups(golden: &Golden, tolerance: &mut Tolerance) {
    let train = &golden.meta["train"];
    let (decay, depth) = (real(&train["optimizer"]["layer_decay"]), golden.shape.encoder.depth);
    let layout = layout::classifier(&golden.shape, golden.classes);
    let scales = layer_decay::scales(&layout, depth, decay);
    assert_eq!(train["groups"].as_object().unwrap().len(), layout.0.len());
    for (entry, scale) in layout.0.iter().zip(scales) {
        let group = &train["groups"][&entry.name];
        tolerance.number("scale of a group", scale, real(&group["lr_scale"]));
        // Without any decay no tensor's tells its group.
        if real(&train["optimizer"]["weight_decay"]) != 0.0 {
            let undecayed = real(&group["weight_decay"]) == 0.0;
            assert_eq!(entry.is_undecayed(), undecayed, "{}", entry.name);
        }
        if let Some(layer) = group["layer"].as_u64() {
            assert_eq!(layer_decay::layer_of(&entry.name, depth) as u64, layer, "{}", entry.name);
        }
    }
}

/// The folders that have this file beside `meta.json`.
fn with(file: &str) -> Vec<std::path::PathBuf> {
    folders().into_iter().map(|folder| folder.join(file)).filter(|path| path.exists()).collect()
}

fn rows<'a>(tables: &'a Value, name: &str) -> &'a [Value] {
    tables[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn every_row_of_the_tables_is_met() {
    for path in with("tables.json") {
        let tables = json(&path);
        let mut tolerance = Tolerance::new(1e-7, 1e-6);
        check_mixing(&tables, &mut tolerance);
        check_schedules(&tables, &mut tolerance);
        check_aggregate(&tables, &mut tolerance);
        tolerance.demand();
    }
}

fn check_mixing(tables: &Value, tolerance: &mut Tolerance) {
    for row in rows(tables, "cutmix_box") {
        let at = |name: &str| number(&row[name]);
        let (region, lambda) = cutmix_box(at("height"), at("width"), real(&row["lam"]), at("cy"), at("cx"));
        let found = [region.top, region.bottom, region.left, region.right];
        assert_eq!(found, [0, 1, 2, 3].map(|side| number(&row["box"][side])), "{row}");
        tolerance.number("λ of cutmix", lambda, real(&row["lam_corrected"]));
    }
    for row in rows(tables, "mixup_targets") {
        let labels: Vec<usize> = row["labels"].as_array().unwrap().iter().map(number).collect();
        let (classes, mix) = (number(&row["classes"]), Mix::Mixup { lambda: real(&row["lam"]) });
        let found = mix.targets(&labels, classes, real(&row["smoothing"]));
        if let Some(targets) = row["targets"].as_array() {
            let wanted = targets.iter().flat_map(|target| target.as_array().unwrap());
            assert_eq!(targets.len() * classes, found.len());
            found.iter().zip(wanted).for_each(|(found, wanted)| {
                tolerance.number("mixup targets", f64::from(*found), real(wanted));
            });
        }
        for (clip, samples) in row["nonzero"].as_array().into_iter().flatten().enumerate() {
            for sample in samples.as_array().unwrap() {
                let found = found[clip * classes + number(&sample[0])];
                tolerance.number("mixup targets", f64::from(found), real(&sample[1]));
            }
        }
    }
}

fn check_schedules(tables: &Value, tolerance: &mut Tolerance) {
    for row in rows(tables, "lr_schedule") {
        let rate = LearningRate {
            peak: real(&row["base_lr"]),
            floor: real(&row["min_lr"]),
            warmup: row["warmup_steps"].as_u64().unwrap(),
            total: row["total_steps"].as_u64().unwrap(),
        };
        for (step, wanted) in row["values"].as_object().unwrap() {
            tolerance.number("learning rates", rate.at(step.parse().unwrap()), real(wanted));
        }
    }
    for row in rows(tables, "layer_decay") {
        let (depth, decay) = (number(&row["depth"]), real(&row["decay"]));
        for (layer, wanted) in row["scale_by_layer"].as_array().unwrap().iter().enumerate() {
            tolerance.number("layer decay", layer_decay::scale(layer, depth, decay), real(wanted));
        }
    }
    for (name, row) in tables["layer_of_name"].as_object().into_iter().flatten() {
        assert_eq!(layer_decay::layer_of(name, 12), number(&row["layer"]), "{name}");
    }
    for row in rows(tables, "drop_path") {
        let depth = number(&row["depth"]);
        for (block, wanted) in row["per_block"].as_array().unwrap().iter().enumerate() {
            let found = DropPath::rate_at(real(&row["rate"]), block, depth);
            tolerance.number("drop path", found, real(wanted));
        }
    }
}

fn check_aggregate(tables: &Value, tolerance: &mut Tolerance) {
    use schemas::predictions::{Prediction, Predictions, Tested};
    use trainer::evaluation::{Report, answers};
    let table = &tables["aggregate"];
    let Some(videos) = table["videos"].as_array() else { return };
    let mut predictions = Predictions::default();
    for (row, video) in videos.iter().enumerate() {
        for (clip, logits) in video["logits"].as_array().unwrap().iter().enumerate() {
            predictions.predictions.push(Prediction {
                row: row as u64,
                video: String::new(),
                label: video["label"].as_i64().map(|label| label as i32),
                view: schemas::labelled_batch::View { clip: clip as u16, crop: 0 },
                frames: Vec::new(),
                span: (0, 0),
                logits: logits.as_array().unwrap().iter().map(|logit| real(logit) as f32).collect(),
            });
        }
    }
    let classes: Vec<String> =
        (0..predictions.predictions[0].logits.len()).map(|class| class.to_string()).collect();
    predictions.tested =
        Tested { classes: classes.clone(), videos: videos.len() as u64, ..Tested::default() };
    let by_probability = answers(&predictions, By::Prob);
    let by_score = answers(&predictions, By::Score);
    for ((video, prob), score) in videos.iter().zip(&by_probability).zip(&by_score) {
        for (found, wanted) in prob.probabilities.iter().zip(video["mean_prob"].as_array().unwrap()) {
            tolerance.number("mean probabilities", *found, real(wanted));
        }
        assert_eq!(prob.ranked()[0], number(&video["pred"]));
        assert_eq!(score.ranked()[0], number(&video["pred_score"]));
        let mut five: Vec<usize> = video["top5"].as_array().unwrap().iter().map(number).collect();
        let mut found = prob.ranked()[..five.len()].to_vec();
        five.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, five);
    }
    let [prob, score] = [&by_probability, &by_score].map(|answers| Report::of(answers, &classes));
    tolerance.number("top-1", 100.0 * prob.top1.share, real(&table["top1"]));
    tolerance.number("top-5", 100.0 * prob.top5.share, real(&table["top5"]));
    tolerance.number("top-1 by score", 100.0 * score.top1.share, real(&table["top1_score"]));
}

#[test]
fn stretched_positions_are_pytorch_s() {
    for path in with("position.json") {
        let about = json(&path);
        let tensors = tensors::Tensors::read(&path.with_extension("safetensors"));
        let at = |name: &str| number(&about[name]);
        let (dim, from) = (at("dim"), [at("time"), at("space"), at("space")]);
        let (new_time, new_space) = (at("new_time"), at("new_space"));
        for device in devices() {
            println!("{} on {}", path.display(), device.name());
            let mut tolerance = Tolerance::new(1e-5, 1e-4);
            let mut check = |name: &str, found: PositionTable| {
                tolerance.check(name, &host(found.all()), tensors.floats(&format!("position.{name}")));
            };
            let stretched = |to| PositionTable::stretched(from, to, dim, &device);
            check("table", PositionTable::new(from.iter().product(), dim, &device));
            check("space", stretched([from[0], new_space, new_space]));
            check("time", stretched([new_time, from[1], from[2]]));
            check("space_time", stretched([new_time, new_space, new_space]));
            check("longer_table", PositionTable::new(new_time * from[1] * from[2], dim, &device));
            tolerance.demand();
        }
    }
}

#[test]
fn attentive_probes_are_v_jepa_s() {
    use trainer::{loss::answers::soft_target_loss, probe::attentive::AttentiveProbe};
    for path in with("probe.json") {
        let about = json(&path);
        let tensors = tensors::Tensors::read(&path.with_extension("safetensors"));
        let at = |name: &str| number(&about[name]);
        for (device, whose) in
            devices().iter().flat_map(|device| ["vjepa1", "vjepa2"].map(|whose| (device, whose)))
        {
            println!("{} {whose} on {}", path.display(), device.name());
            let mut tolerance = Tolerance::new(1e-5, 1e-4);
            let (dim, heads, classes) = (at("dim"), at("heads"), at("classes"));
            let probe = AttentiveProbe { dim, heads, classes, depth: number(&about[whose]["depth"]) };
            let dead: Vec<&str> = about[whose]["without_gradient"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
                .collect();
            let mut given = tensors.under(&format!("{whose}.init."));
            given.retain(|name, _| !dead.contains(&name.as_str()));
            let weights = Weights::fit(probe.layout(), given, device).unwrap();
            let tracked = weights.tracked();
            let tokens = tensors.floats("tokens");
            let shape = [tokens.shape[0], tokens.shape[1], tokens.shape[2]];
            let tokens = upload(tokens.values.clone(), shape, device);
            let labels: Vec<usize> =
                tensors.whole("labels").unwrap().iter().map(|label| *label as usize).collect();
            let targets = upload_targets(Mix::Nothing.targets(&labels, classes, 0.0), classes, device);
            let logits = probe.classify(&tracked, tokens);
            let loss = soft_target_loss(logits.clone(), targets);
            let gradients = tracked.or_zeros(tracked.take_gradients(&mut loss.backward()));
            tolerance.check("logits", &host(logits.inner()), tensors.floats(&format!("{whose}.logits")));
            tolerance.check("loss", &host(loss.inner()), tensors.floats(&format!("{whose}.loss")));
            for (name, found) in weights.with_values(gradients).download() {
                tolerance.check("gradients", &found, tensors.floats(&format!("{whose}.grad.{name}")));
            }
            tolerance.demand();
        }
    }
}

fn upload(values: Vec<f32>, shape: [usize; 3], device: &Device) -> Tensor<3> {
    // The only way to a device that tests have: whole numbers times one.
    let zeros = upload_cubes(&vec![0; values.len()], shape, device).float();
    let device = zeros.device();
    Tensor::<3>::from_data(burn::tensor::TensorData::new(values, shape), &device)
}

#[test]
fn neighbours_vote_as_dino_s() {
    for path in with("probe.json") {
        let knn = &json(&path)["knn"];
        let tensors = tensors::Tensors::read(&path.with_extension("safetensors"));
        let vectors = |name: &str| -> Vec<Vec<f32>> {
            let tensor = tensors.floats(name);
            tensor.values.chunks_exact(tensor.shape[1]).map(<[f32]>::to_vec).collect()
        };
        let whole = |name: &str| -> Vec<usize> {
            tensors.whole(name).unwrap().iter().map(|label| *label as usize).collect()
        };
        let wanted = tensors.floats("knn.scores");
        let found = trainer::probe::knn::votes(
            &vectors("knn.train"),
            &whole("knn.labels"),
            &vectors("knn.queries"),
            wanted.shape[1],
            number(&knn["k"]),
            real(&knn["temperature"]),
        );
        let predictions: Vec<usize> = found
            .iter()
            .map(|votes| (0..votes.len()).find(|at| trainer::evaluation::rank_of(votes, *at) == 0).unwrap())
            .collect();
        assert_eq!(predictions, whole("knn.predictions"));
        let mut tolerance = Tolerance::new(1e-5, 1e-4);
        let found = HostTensor { shape: wanted.shape.clone(), values: found.concat() };
        tolerance.check("knn scores", &found, wanted);
        println!("{}", path.display());
        tolerance.demand();
    }
}
