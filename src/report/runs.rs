//! The part of the page that is about runs.

use schemas::quarantine::QuarantineLine;

use super::{
    curves,
    failures::{self, Failed},
    loader, overview,
    page::Page,
    pictures,
    run::RunFacts,
    settings, test,
};

/// Writes all sections that have something to say.
pub fn write(page: &mut Page, runs: &[RunFacts]) {
    if runs.is_empty() {
        return;
    }
    page.heading(1, if runs.len() == 1 { "The run" } else { "The runs" });
    page.html(&overview::table_of(runs));
    for run in runs {
        run.damage.iter().for_each(|what| page.paragraph(&format!("{}: {what}", run.name)));
    }
    let charts = curves::charts(runs);
    if charts.is_empty() {
        page.paragraph("No step has been written down yet.");
    } else {
        page.heading(2, "Curves");
        if runs.len() > 1 {
            page.html(&overview::legend(runs));
        }
        page.charts(charts);
    }
    for run in runs {
        let of_run = if runs.len() == 1 { String::new() } else { format!(": {}", run.name) };
        if let Some(predictions) = &run.predictions {
            page.heading(2, &format!("Test{of_run}"));
            test::write(page, predictions, run.recipe.views.by, &|video| run.video(video));
        }
        if !run.pictures.is_empty() {
            page.heading(2, &format!("What was predicted{of_run}"));
            pictures::write(page, run, runs.len());
        }
        let tables = loader::tables(run);
        if !tables.is_empty() {
            page.heading(2, &format!("Where the loader's time went{of_run}"));
            page.html(&format!(r#"<div class="beside two">{tables}</div>"#));
        }
        if !run.failures.is_empty() {
            page.heading(2, &format!("Videos that gave no clip{of_run}"));
            let failed = |line| {
                let QuarantineLine { video, verdict, reason, .. }: &_ = line;
                Failed { video, verdict, reason }
            };
            failures::write(page, &run.failures.iter().map(failed).collect::<Vec<_>>());
        }
    }
    settings::write(page, runs);
}
