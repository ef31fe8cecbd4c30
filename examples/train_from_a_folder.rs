//! Pre-trains a small model on a folder of videos: `cargo run --example train_from_a_folder -- FOLDER RUN`.

use std::sync::atomic::AtomicBool;

/// Makes a few steps on the videos below a folder; the run's folder gets the weights.
pub fn train(videos: &str, run: &str) -> tubelet::Result<tubelet::Trained> {
    let mut wanted = tubelet::Pretraining::new([videos], run);
    wanted.run.recipe = tubelet::RecipeChoice::named("tiny");
    // Few videos make a batch of several clips of each.
    wanted.run.recipe.set = vec!["clip.clips_per_video=4".to_owned()];
    wanted.run.steps = Some(5);
    tubelet::pretrain(&wanted, &AtomicBool::new(false), &|event: tubelet::Event<'_>| {
        if let tubelet::Event::Step { line, .. } = event {
            println!("step {}: loss {:.4}", line.step, line.loss);
        }
    })
}

fn main() -> tubelet::Result<()> {
    let mut given = std::env::args().skip(1);
    let (videos, run) = (given.next().unwrap_or("samples".into()), given.next().unwrap_or("run".into()));
    println!("{:?}", train(&videos, &run)?.outcome);
    Ok(())
}
