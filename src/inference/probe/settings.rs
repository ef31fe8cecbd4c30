//! Which probe is asked for, and what it tries.

use std::path::{Path, PathBuf};

use trainer::{
    inference::frozen_encoder::Pool,
    probe::{
        Select,
        grid::{Manner, Setting},
        knn,
    },
};

use crate::{
    data::labels::settings::LabelSettings,
    error::{Result, Usage},
    inference::model::ModelSettings,
};

/// What stands for an encoder that nobody trained.
const RANDOM: &str = "random";
/// V-JEPA's times that every video is seen.
pub const EPOCHS: u64 = 20;

/// Which probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// k nearest neighbours; nothing is trained.
    Knn,
    /// Linear map of the mean token.
    Linear,
    /// Learned query that attends to all tokens.
    Attentive,
}

impl ProbeKind {
    pub(super) fn pool(self) -> Pool {
        match self {
            Self::Knn | Self::Linear => Pool::Mean,
            Self::Attentive => Pool::Tokens,
        }
    }
}

/// A probe that is asked for.
#[derive(Clone, Debug)]
pub struct Probing {
    /// Which probe.
    pub kind: ProbeKind,
    /// The encoder; `random` is one that nobody trained.
    pub model: ModelSettings,
    /// Files, folders, globs, list files, a manifest, or one folder of shards.
    pub data: Vec<PathBuf>,
    /// Where their classes come from.
    pub labels: LabelSettings,
    /// What is tested: `train=LIST,test=LIST` (then no `data`), `test=0.2`, `test=0.2,by=content`.
    pub split: Option<String>,
    /// Whether the same probe of random weights and of raw pixels is made beside it.
    pub baseline: bool,
    /// What settings are chosen on.
    pub select: Select,
    /// Number of clips along time, and of crops of each.
    pub views: [u32; 2],
    /// Numbers of neighbours that are tried; DINO's where none is named.
    pub neighbours: Vec<u32>,
    /// Which attentive probe to use.
    pub manner: Manner,
    /// Learning rates of the attentive probe that are tried; the paper's where none is named.
    pub rates: Vec<f64>,
    /// Weight decays of the attentive probe that are tried; the paper's where none is named.
    pub decays: Vec<f64>,
    /// Number of epochs of the attentive probe.
    pub epochs: u64,
    /// Where features are kept; the user's cache where no folder is named.
    pub cache: Option<PathBuf>,
}

impl Probing {
    /// A probe of this encoder on these videos, of which a fifth is tested on.
    pub fn new(
        kind: ProbeKind,
        model: impl Into<PathBuf>,
        data: impl IntoIterator<Item = impl Into<PathBuf>>,
    ) -> Self {
        Self {
            kind,
            model: ModelSettings::new(model),
            data: data.into_iter().map(Into::into).collect(),
            labels: LabelSettings::default(),
            split: Some("test=0.2".to_owned()),
            baseline: false,
            select: Select::HeldOut,
            views: [1, 1],
            neighbours: Vec::new(),
            manner: Manner::VJepa,
            rates: Vec::new(),
            decays: Vec::new(),
            epochs: EPOCHS,
            cache: None,
        }
    }

    /// Whether the encoder is one that nobody trained.
    pub(super) fn is_random(&self) -> bool {
        self.model.model.as_deref() == Some(Path::new(RANDOM))
    }

    /// Numbers of neighbours that are tried, each once.
    pub(super) fn neighbours(&self) -> Vec<usize> {
        if self.neighbours.is_empty() {
            return knn::NEIGHBOURS.to_vec();
        }
        let mut distinct = Vec::new();
        for k in self.neighbours.iter().map(|k| *k as usize) {
            if !distinct.contains(&k) {
                distinct.push(k);
            }
        }
        distinct
    }

    /// What is tried: every rate with every decay.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let own = self.manner.settings();
        let distinct = |given: &[f64], of: fn(&Setting) -> f64| -> Vec<f64> {
            let values: Vec<f64> =
                if given.is_empty() { own.iter().map(of).collect() } else { given.to_vec() };
            let first = |(at, value): &(usize, &f64)| !values[..*at].contains(value);
            values.iter().enumerate().filter(first).map(|(_, value)| *value).collect()
        };
        let decays = distinct(&self.decays, |setting| setting.decay);
        let rates = distinct(&self.rates, |setting| setting.rate);
        rates.iter().flat_map(|&rate| decays.iter().map(move |&decay| Setting { rate, decay })).collect()
    }

    /// Refuses settings that mean nothing for this probe.
    pub(super) fn check(&self) -> Result<()> {
        let positive = |value: &f64| value.is_finite() && *value >= 0.0;
        if let Some(wrong) = self.rates.iter().chain(&self.decays).find(|value| !positive(value)) {
            return Err(Usage::new(format!("{wrong} is not a learning rate or weight decay")).into());
        }
        let given = !self.rates.is_empty() || !self.decays.is_empty() || self.manner != Manner::VJepa;
        if given && self.kind != ProbeKind::Attentive {
            return Err(Usage::new("--like, --rates and --decays are options of the attentive probe").into());
        }
        if !self.neighbours.is_empty() && self.kind != ProbeKind::Knn {
            return Err(Usage::new("--k is an option of the knn probe").into());
        }
        if self.epochs == 0 {
            return Err(Usage::new("`--epochs 0` trains nothing").into());
        }
        Ok(())
    }

    /// `$XDG_CACHE_HOME/tubelet`, else `~/.cache/tubelet`.
    pub(super) fn cache_folder(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.cache {
            return Ok(folder.clone());
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        match cache {
            Some(cache) => Ok(cache.join("tubelet")),
            None => Err(Usage::new("no folder to keep features in is given").hint("--cache FOLDER").into()),
        }
    }
}
