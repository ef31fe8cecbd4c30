//! Where in the order of clips a run goes on: when its batch changes, and when it goes back behind such a change.

use schemas::run_state::{Change, DataPlace, RunState};
use trainer::Recipe;

/// How an epoch is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Updates of an epoch.
    pub updates: u64,
    /// Clips of an update.
    pub clips: u64,
}

/// What a change of these is called in `run.json`.
pub const UPDATES: &str = "steps an epoch";
const BATCH: &str = "optimiser.batch";

impl Epoch {
    /// An epoch of so many updates.
    pub fn of(updates: u64, recipe: &Recipe) -> Self {
        Self { updates: updates.max(1), clips: clips(recipe.optimiser.batch as u64, recipe) }
    }
}

/// Videos that an update of so many clips reads.
fn clips(batch: u64, recipe: &Recipe) -> u64 {
    (batch / recipe.clip.repeats.max(1) as u64).max(1)
}

/// Where the data goes on behind `step`. With another batch an epoch has other updates: the run goes on in the same
/// epoch, with the first update that has a clip which was not seen yet.
pub fn moved(place: DataPlace, step: u64, before: Epoch, after: Epoch) -> DataPlace {
    if before == after {
        return place;
    }
    let update = place.update + (step - place.step);
    let seen = (update % before.updates) * before.clips;
    let begun = update / before.updates * after.updates;
    DataPlace { step, update: begun + (seen / after.clips).min(after.updates) }
}

/// What a run was asked for, as it goes back to `step`: what was changed later holds from there on. Nothing where
/// nothing was, or where the changes do not tell where the data goes on.
pub fn gone_back(state: &RunState, recipe: &Recipe, step: u64) -> Option<RunState> {
    let kept = state.changes.iter().take_while(|change| change.step <= step).count();
    if kept == state.changes.len() {
        return None;
    }
    // What every change was made to, the last first.
    let mut epoch = Epoch::of(state.steps.per_epoch, recipe);
    let mut epochs = vec![epoch];
    for change in state.changes.iter().rev() {
        match change.what.as_str() {
            UPDATES => epoch.updates = change.from.parse().ok()?,
            BATCH => epoch.clips = clips(change.from.parse().ok()?, recipe),
            _ => {}
        }
        epochs.push(epoch);
    }
    epochs.reverse();
    // Changes that were made together move the place together.
    let (mut place, mut from) = (DataPlace::default(), 0);
    for at in 1..=kept {
        let is_last = state.changes[from..kept].get(at - from).is_none_or(|next| {
            next.step != state.changes[from].step
                || state.changes[from..at].iter().any(|change| change.what == next.what)
        });
        if is_last {
            place = moved(place, state.changes[from].step, epochs[from], epochs[at]);
            from = at;
        }
    }
    let place = moved(place, step, epochs[kept], epochs[state.changes.len()]);
    let later = state.changes[kept..].iter().map(|change| Change { step, ..change.clone() });
    let changes = state.changes[..kept].iter().cloned().chain(later).collect();
    Some(RunState { place, changes, ..state.clone() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run of so many updates an epoch.
    pub fn state(per_epoch: u64, place: DataPlace) -> RunState {
        let text = r#"{"format":"tubelet-run/1","command":"pretrain","made_by":"","steps":{"until":60,"per_epoch":1},
            "schedule":{"peak":1.0,"floor":0.0,"warmup":0,"total":60,"digest":""},"init":null,
            "data":{"named":["films"],"folder":"/d","digest":"","videos":12,"list":""},"split":null,
            "device":"flex","workers":1,"place":{"step":0,"update":0},"changes":[]}"#;
        let mut state: RunState = serde_json::from_str(text).unwrap();
        (state.steps.per_epoch, state.place) = (per_epoch, place);
        state
    }

    fn change(step: u64, what: &str, from: u64, to: u64) -> Change {
        Change { step, what: what.to_owned(), from: from.to_string(), to: to.to_string() }
    }

    #[test]
    fn a_run_that_goes_back_behind_a_change_goes_on_where_it_would_have_with_that_change() {
        let mut recipe = Recipe::default();
        // 12 videos: 3 updates of 4, then 4 of 3 from step 7 on, then 6 of 2 from step 9 on.
        recipe.optimiser.batch = 2;
        let (four, three, two) =
            (Epoch { updates: 3, clips: 4 }, Epoch { updates: 4, clips: 3 }, Epoch { updates: 6, clips: 2 });
        let first = moved(DataPlace::default(), 7, four, three);
        let second = moved(first, 9, three, two);
        let mut state = state(6, second);
        state.changes = vec![
            change(7, UPDATES, 3, 4),
            change(7, "workers", 1, 2),
            change(7, BATCH, 4, 3),
            change(9, UPDATES, 4, 6),
            change(9, BATCH, 3, 2),
        ];
        assert_eq!(gone_back(&state, &recipe, 9), None);
        let back = gone_back(&state, &recipe, 8).unwrap();
        assert_eq!(back.place, moved(first, 8, three, two));
        assert_eq!(back.changes.iter().map(|change| change.step).collect::<Vec<_>>(), [7, 7, 7, 8, 8]);
        let back = gone_back(&state, &recipe, 5).unwrap();
        assert_eq!(back.place, moved(DataPlace::default(), 5, four, two));
        assert!(back.changes.iter().all(|change| change.step == 5));
        // Twice at the same step: one after the other, as they were made.
        state.changes.extend([change(9, UPDATES, 6, 3), change(9, BATCH, 2, 4), change(11, "workers", 2, 1)]);
        (state.steps.per_epoch, recipe.optimiser.batch) = (3, 4);
        assert_eq!(gone_back(&state, &recipe, 10).unwrap().place, moved(second, 9, two, four));
        state.changes[0].from = "many".to_owned();
        assert_eq!(gone_back(&state, &recipe, 8), None);
    }
}
