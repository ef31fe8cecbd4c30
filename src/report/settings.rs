//! The settings of runs: what differs between them, and all of them.

use std::collections::BTreeMap;

use super::{
    html::{Cell, table},
    numbers::count,
    page::Page,
    run::RunFacts,
};

/// What differs, all settings, and what was changed on the way.
pub fn write(page: &mut Page, runs: &[RunFacts]) {
    let all: Vec<BTreeMap<String, String>> =
        runs.iter().map(|run| run.recipe.settings().into_iter().collect()).collect();
    let Some(first) = all.first() else { return };
    let differs = |key: &String| all.iter().any(|settings| settings.get(key) != first.get(key));
    let names = runs.iter().map(|run| run.name.as_str());
    let head: Vec<&str> = std::iter::once("setting").chain(names).collect();
    let row = |key: &String| {
        let value =
            |settings: &BTreeMap<String, String>| Cell::number(settings.get(key).map_or("–", String::as_str));
        std::iter::once(Cell::text(key)).chain(all.iter().map(value)).collect::<Vec<_>>()
    };
    page.heading(2, "Settings");
    if runs.len() > 1 {
        let differing: Vec<_> = first.keys().filter(|key| differs(key)).map(row).collect();
        match differing.is_empty() {
            true => page.paragraph("The runs have the same settings."),
            false => page.html(&table(&head, &differing)),
        }
    }
    page.folded("All settings", &table(&head, &first.keys().map(row).collect::<Vec<_>>()));
    for run in runs {
        let changes = run.state.iter().flat_map(|state| &state.changes);
        let row = |change: &schemas::run_state::Change| {
            let step = Cell::text(count(change.step));
            vec![step, Cell::text(&change.what), Cell::text(&change.from), Cell::text(&change.to)]
        };
        let rows: Vec<_> = changes.map(row).collect();
        if !rows.is_empty() {
            let summary = format!("What was changed on the way: {}", run.name);
            page.folded(&summary, &table(&["at step", "what", "from", "to"], &rows));
        }
    }
}
