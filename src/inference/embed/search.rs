//! Search over a file of embeddings: which videos lie nearest to one, and where in them.
//!
//! Nearness is the cosine. A query of several windows is the mean of their directions. Of each video of the
//! file its nearest window counts, and the query itself is left out.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use pipeline::{names, video_entry::VideoEntry};
use schemas::embeddings::{Embedded, Embedding};
use trainer::inference::frozen_encoder::Pool;

use super::{
    file,
    make::{Maker, Preprocess, Taker, Taking},
};
use crate::{
    data::labels::labelled_videos::LabelledVideos,
    error::{Error, Result, Usage},
    inference::model::ModelSettings,
    observer::Observer,
};

/// A search that is asked for.
#[derive(Clone, Debug)]
pub struct Searching {
    /// The videos whose like is searched for.
    pub videos: Vec<PathBuf>,
    /// The model that made the file; needed for videos that are not in it.
    pub model: ModelSettings,
    /// The file of embeddings that is searched.
    pub within: PathBuf,
    /// Videos that are found for each.
    pub nearest: usize,
}

/// A video that was searched for, and what was found.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// The video.
    pub path: PathBuf,
    /// The nearest videos, the nearest first.
    pub hits: Vec<Hit>,
}

/// The nearest window of a video.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The window, without its vector.
    pub row: Embedding,
    /// Cosine of the angle between both, at most 1.
    pub similarity: f64,
}

/// A video that is searched for.
struct Query {
    path: PathBuf,
    /// Mean direction of its windows.
    direction: Vec<f64>,
}

/// Finds the videos of a file that lie nearest to each of some videos.
///
/// # Errors
/// Usage error: no such file, or another model than made it. When vectors cannot be made.
pub fn search(settings: &Searching, observer: &dyn Observer) -> Result<Vec<Neighbours>> {
    let within = &settings.within;
    if !within.is_file() {
        return Err(Usage::new(format!("{}: no such file", names::shown(within))).into());
    }
    let embedded = file::facts_of(within)?;
    let queries = queries(settings, &embedded, observer)?;
    let mut found: Vec<HashMap<u64, Hit>> = queries.iter().map(|_| HashMap::new()).collect();
    let resolved: Vec<PathBuf> = queries.iter().map(|query| resolve(&query.path)).collect();
    let (_, rows) = file::rows_of(within)?;
    let mut paths: HashMap<u64, PathBuf> = HashMap::new();
    for rows in rows {
        for row in rows? {
            let path = paths.entry(row.row).or_insert_with(|| resolve(Path::new(&row.video)));
            for ((query, own), found) in queries.iter().zip(&resolved).zip(&mut found) {
                if path == own {
                    continue;
                }
                let similarity = cosine(&query.direction, &row.vector);
                if found.get(&row.row).is_none_or(|hit| hit.similarity < similarity) {
                    let hit = Hit { row: Embedding { vector: Vec::new(), ..row.clone() }, similarity };
                    found.insert(row.row, hit);
                }
            }
        }
    }
    let nearest = |(query, found): (Query, HashMap<u64, Hit>)| {
        let mut hits: Vec<Hit> = found.into_values().collect();
        hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.row.row.cmp(&b.row.row)));
        hits.truncate(settings.nearest);
        Neighbours { path: query.path, hits }
    };
    Ok(queries.into_iter().zip(found).map(nearest).collect())
}

/// The vectors of the videos that are searched for: from the file where they are in it, else made now.
fn queries(settings: &Searching, embedded: &Embedded, observer: &dyn Observer) -> Result<Vec<Query>> {
    let Searching { videos: given, model, within, .. } = settings;
    let mut inside = InFile::default();
    let (_, rows) = file::rows_of(within)?;
    for rows in rows {
        rows?.into_iter().for_each(|row| inside.note(row, given));
    }
    let mut outside = Vec::new();
    for path in given {
        if !inside.sums.contains_key(&resolve(path)) {
            if !path.exists() {
                return Err(Usage::new(format!(
                    "{}: no such file, nor is it in {}",
                    names::shown(path),
                    names::shown(within)
                ))
                .into());
            }
            outside.push(path.clone());
        }
    }
    let mut made = HashMap::new();
    let mut order: Vec<PathBuf> = Vec::new();
    if !outside.is_empty() {
        let videos = LabelledVideos::open(&outside, observer)?;
        made = of_new(&videos, model, within, embedded, observer)?;
        order = videos.entries().iter().map(|entry| entry.path.to_path_buf()).collect();
    }
    let mut queries: Vec<Query> = given
        .iter()
        .filter_map(|path| Some(Query { path: path.clone(), direction: inside.sums.remove(&resolve(path))? }))
        .collect();
    queries.extend(order.into_iter().filter_map(|path| {
        let direction = made.remove(&path)?;
        Some(Query { path, direction })
    }));
    Ok(queries)
}

/// Directions of the videos of a file that are searched for.
#[derive(Default)]
struct InFile {
    sums: HashMap<PathBuf, Vec<f64>>,
}

impl InFile {
    fn note(&mut self, row: Embedding, wanted: &[PathBuf]) {
        let path = resolve(Path::new(&row.video));
        if wanted.iter().any(|wanted| resolve(wanted) == path) {
            add_direction(self.sums.entry(path).or_default(), &row.vector);
        }
    }
}

/// Directions of videos that are not in the file, made by the model that made the file.
fn of_new(
    videos: &LabelledVideos,
    model: &ModelSettings,
    within: &Path,
    embedded: &Embedded,
    observer: &dyn Observer,
) -> Result<HashMap<PathBuf, Vec<f64>>> {
    if model.model.is_none() {
        let path = names::shown(&videos.entries()[0].path);
        return Err(Usage::new(format!("{path} is not in {}", names::shown(within)))
            .hint("--model names the model that made the file")
            .into());
    }
    let mut loaded = model.open(embedded.windows.map(|[length, _]| length as usize), observer)?;
    if let Some([clips, crops]) = embedded.views {
        (loaded.recipe.views.clips, loaded.recipe.views.crops) = (clips as usize, crops as usize);
    }
    let squashed = embedded.preprocessing.contains("squashed");
    let taking = Taking {
        windows: embedded.windows,
        pool: if embedded.lengths.len() == 1 { Pool::Mean } else { Pool::Tokens },
        preprocess: if squashed { Preprocess::Tad } else { Preprocess::Normalised },
        number: embedded.number,
    };
    let maker = Maker::new(loaded, taking, model.batch, model.workers)?;
    let own = maker.embedded(videos);
    for (what, differs) in [
        ("model", own.model != embedded.model),
        ("kind of vector", own.feature != embedded.feature || own.lengths != embedded.lengths),
        ("preprocessing", own.preprocessing != embedded.preprocessing),
    ] {
        if differs {
            return Err(Usage::new(format!("{} was made with another {what}", names::shown(within))).into());
        }
    }
    let mut gathered = Gathered { videos: videos.entries(), current: None, sums: HashMap::new() };
    let wanted = vec![true; videos.entries().len()];
    let made = maker.make(videos, &wanted, &AtomicBool::new(false), &mut gathered);
    let (reasons, _) = made.map_err(|why| model.named_in(why))?;
    if let Some((row, why)) = reasons.into_iter().min() {
        let path = names::shown(&videos.entries()[row as usize].path);
        return Err(Error::Nothing(format!("{path}: {why}")));
    }
    Ok(gathered.sums)
}

/// Gathers the directions of new videos.
struct Gathered<'a> {
    videos: &'a [VideoEntry],
    current: Option<(u64, Vec<f64>)>,
    sums: HashMap<PathBuf, Vec<f64>>,
}

impl Taker for Gathered<'_> {
    fn begin(&mut self, video: u64, _rows: u32) -> Result<()> {
        self.current = Some((video, Vec::new()));
        Ok(())
    }

    fn push(&mut self, rows: &[Embedding]) -> Result<()> {
        if let Some((_, sum)) = &mut self.current {
            rows.iter().for_each(|row| add_direction(sum, &row.vector));
        }
        Ok(())
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        if let Some((video, sum)) = self.current.take().filter(|_| whole) {
            self.sums.insert(self.videos[video as usize].path.to_path_buf(), sum);
        }
        Ok(())
    }
}

/// A path as the file system resolves it, so that another spelling is no other video.
fn resolve(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn length(vector: &[f32]) -> f64 {
    vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Adds a vector of length 1 in this direction.
fn add_direction(sum: &mut Vec<f64>, vector: &[f32]) {
    sum.resize(vector.len(), 0.0);
    let length = length(vector).max(f64::MIN_POSITIVE);
    sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value) / length);
}

fn cosine(direction: &[f64], vector: &[f32]) -> f64 {
    let product: f64 = direction.iter().zip(vector).map(|(a, b)| a * f64::from(*b)).sum();
    let own = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
    product / (own * length(vector)).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_knows_directions_and_not_lengths() {
        let mut direction = Vec::new();
        add_direction(&mut direction, &[3.0, 4.0]);
        add_direction(&mut direction, &[0.3, 0.4]);
        assert!((cosine(&direction, &[30.0, 40.0]) - 1.0).abs() < 1e-6);
        assert!(cosine(&direction, &[-4.0, 3.0]).abs() < 1e-6);
        assert_eq!(cosine(&direction, &[0.0, 0.0]), 0.0);
    }
}
