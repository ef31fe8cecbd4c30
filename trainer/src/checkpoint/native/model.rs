//! The model in tubelet's own file, without what an optimiser needs: what is moved between formats.
//!
//! A run's checkpoint takes its lengths from the run's recipe. A converted model has no recipe to take them
//! from; its file says them in an entry of the metadata, as JSON.

use std::path::Path;

use schemas::{MADE_BY, ProblemType};

use super::metadata::{AVERAGE, FIRST, MODEL, SECOND, about, description, metadata};
use crate::{
    checkpoint::{
        CheckpointError, Hints, Kind, PixelScale, SavedModel,
        about::About,
        claims::{self, Claims},
        container::Container,
        description::Description,
        finite::finite,
        heads, safetensors_file,
        tensor_table::TensorTable,
        whole_file::write_whole,
    },
    recipe::Recipe,
};

/// Reads the model in a checkpoint, without what the optimiser needs.
pub(in crate::checkpoint) fn read_model(
    container: Container,
    hints: Hints,
) -> Result<SavedModel, CheckpointError> {
    let Container { mut table, metadata, .. } = container;
    let path = &table.path().to_owned();
    table.retain(|name| ![FIRST, SECOND, AVERAGE].iter().any(|prefix| name.starts_with(prefix)));
    let about = about(Some(&metadata), path)?;
    let mut claims = match description(Some(&metadata), path)? {
        Some(description) => description.claims(about),
        None => of_recipe(&table, about)?,
    };
    let said = claims.shape.geometry;
    let sides = [said.height(), said.width()];
    claims.shape.geometry =
        claims::geometry(path, hints, said.frames(), sides, said.tubelet(), said.patch())?;
    heads::agree(path, hints.heads, claims.shape.encoder, claims.shape.decoder)?;
    claims.fulfil(table, |table, layout| table.take(&layout))
}

/// Writes `model` to `path`, without what an optimiser would need.
pub(in crate::checkpoint) fn write_model(model: &SavedModel, path: &Path) -> Result<(), CheckpointError> {
    let at = |cause| CheckpointError::File { path: path.to_owned(), cause };
    let mut metadata = metadata(&model.about);
    metadata.insert(MODEL.to_owned(), Description::of(model).to_json());
    metadata.insert("converted_by".to_owned(), MADE_BY.to_owned());
    let tensors = model.weights.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    finite(&tensors, path, model.about.step)?;
    write_whole(path, |file| safetensors_file::write(file, &tensors, &metadata)).map_err(at)
}

/// What a run's checkpoint holds follows from the run's recipe.
fn of_recipe(table: &TensorTable, about: About) -> Result<Claims, CheckpointError> {
    let shape = Recipe::from_toml(&about.recipe).and_then(|recipe| recipe.model_shape());
    let shape = shape.map_err(|why| table.no_model(format!("its recipe cannot be used: {why}")))?;
    Ok(Claims {
        kind: Kind::Pretraining,
        shape,
        labels: Vec::new(),
        stretched_from: None,
        pixels: PixelScale::IMAGENET,
        problem_type: ProblemType::default(),
        about,
        assumed: Vec::new(),
        notes: Vec::new(),
    })
}
