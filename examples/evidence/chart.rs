//! Curves as SVG: panels side by side, a line of means and a band from least to most in each.
//!
//! ```text
//! title            title            ── name of a line
//! │  ╭──           │    ╭──         ── …
//! │──╯             │────╯
//! └────────        └────────
//! ```

use std::fmt::Write as _;

/// Pixels of a panel's inside.
const WIDE: f64 = 250.0;
const HIGH: f64 = 190.0;
/// Pixels left of it, above it, below it.
const LEFT: f64 = 46.0;
const TOP: f64 = 34.0;
const BELOW: f64 = 44.0;
/// Pixels of a picture, so that names in the legend fit.
const LEAST: f64 = 400.0;
/// Pixels of a line of the legend.
const LEGEND: f64 = 18.0;

/// Colours of lines, told apart also where colours are not seen well (Okabe and Ito 2008).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#000000"];
/// Dashes of lines: nothing is said by colour alone.
const DASHES: [&str; 6] = ["", "6 3", "2 2", "8 3 2 3", "1 3", ""];

/// Several runs of the same thing.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its place among colours and names.
    pub kind: usize,
    /// (step, value) of each run, at the same steps.
    pub runs: Vec<Vec<(f64, f64)>>,
}

/// One pair of axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What is along the lower axis.
    pub across: String,
    /// Least and most along the lower axis.
    pub from_to: (f64, f64),
    /// Whether equal ratios along the lower axis are equally long.
    pub ratios: bool,
    /// Least and most along the left axis.
    pub low_high: (f64, f64),
    /// Marked values of the left axis, and their names.
    pub marks: Vec<(f64, String)>,
    /// Values along the left axis at which a thin line is drawn.
    pub bars: Vec<f64>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// Mean, least and most of the runs at each of their steps. Runs that were tested at other steps end the line.
pub fn spread(runs: &[Vec<(f64, f64)>]) -> Vec<(f64, [f64; 3])> {
    let points = runs.iter().map(Vec::len).min().unwrap_or(0);
    (0..points)
        .map(|at| {
            let values = || runs.iter().map(|run| run[at].1);
            let mean = values().sum::<f64>() / runs.len() as f64;
            let (least, most) =
                (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
            (runs[0][at].0, [mean, least, most])
        })
        .collect()
}

/// Draws panels side by side with a legend below.
pub fn draw(panels: &[Panel], names: &[&str]) -> String {
    let width = (panels.len() as f64 * (LEFT + WIDE) + 20.0).max(LEAST);
    let height = TOP + HIGH + BELOW + LEGEND * names.len() as f64 + 6.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, LEFT + number as f64 * (LEFT + WIDE));
    }
    for (kind, name) in names.iter().enumerate() {
        let y = TOP + HIGH + BELOW + LEGEND * kind as f64;
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" {}/><text x=\"{}\" y=\"{}\">{name}</text>",
            LEFT + 34.0,
            stroke(kind),
            LEFT + 42.0,
            y + 4.0
        );
    }
    svg + "</svg>\n"
}

fn stroke(kind: usize) -> String {
    let place = kind % COLOURS.len();
    format!(
        "fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{}\"",
        COLOURS[place], DASHES[place]
    )
}

impl Panel {
    fn x(&self, value: f64) -> f64 {
        let (from, to) = self.from_to;
        let share =
            if self.ratios { (value / from).ln() / (to / from).ln() } else { (value - from) / (to - from) };
        share.clamp(0.0, 1.0) * WIDE
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.low_high;
        TOP + HIGH * (1.0 - ((value - low) / (high - low)).clamp(0.0, 1.0))
    }

    /// Marks along the lower axis: 1, 2 and 5 of each power of ten, or quarters.
    fn steps(&self) -> Vec<f64> {
        let (from, to) = self.from_to;
        if !self.ratios {
            return (0..=4).map(|quarter| from + (to - from) * f64::from(quarter) / 4.0).collect();
        }
        let powers = (0..7).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)));
        powers.filter(|step| (from..=to).contains(step)).collect()
    }

    fn draw(&self, svg: &mut String, left: f64) {
        let (bottom, middle) = (TOP + HIGH, left + WIDE / 2.0);
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text>",
            TOP - 12.0,
            self.title
        );
        for (value, name) in &self.marks {
            let y = self.y(*value);
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
                left + WIDE,
                left - 6.0,
                y + 4.0
            );
        }
        for step in self.steps() {
            let x = left + self.x(step);
            let _ = writeln!(
                svg,
                "<line x1=\"{x}\" x2=\"{x}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#888\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{step:.0}</text>",
                bottom + 4.0,
                bottom + 17.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <rect x=\"{left}\" y=\"{TOP}\" width=\"{WIDE}\" height=\"{HIGH}\" fill=\"none\" stroke=\"#888\"/>",
            bottom + 33.0,
            self.across
        );
        for &bar in &self.bars {
            let y = self.y(bar);
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#888\" stroke-dasharray=\"1 2\"/>",
                left + WIDE
            );
        }
        for line in &self.lines {
            let points = spread(&line.runs);
            let place = |step: f64, value: f64| format!("{:.1},{:.1} ", left + self.x(step), self.y(value));
            let lower = points.iter().map(|(step, [_, least, _])| place(*step, *least));
            let upper = points.iter().rev().map(|(step, [_, _, most])| place(*step, *most));
            let band: String = lower.chain(upper).collect();
            let mean: String = points.iter().map(|(step, [mean, _, _])| place(*step, *mean)).collect();
            let colour = COLOURS[line.kind % COLOURS.len()];
            let _ = writeln!(
                svg,
                "<polygon points=\"{band}\" fill=\"{colour}\" fill-opacity=\"0.15\"/>\
                 <polyline points=\"{mean}\" {}/>",
                stroke(line.kind)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_mean_and_its_band_from_least_to_most() {
        let runs = [vec![(50.0, 0.2), (100.0, 0.4)], vec![(50.0, 0.4), (100.0, 0.9), (150.0, 1.0)]];
        let found = spread(&runs);
        assert_eq!(found.len(), 2);
        assert!((found[0].1[0] - 0.3).abs() < 1e-12, "{found:?}");
        assert_eq!(found[1], (100.0, [0.65, 0.4, 0.9]));
    }

    #[test]
    fn steps_of_a_long_axis_are_round() {
        let panel = Panel {
            title: String::new(),
            across: String::new(),
            from_to: (50.0, 5000.0),
            ratios: true,
            low_high: (0.0, 1.0),
            marks: Vec::new(),
            bars: Vec::new(),
            lines: Vec::new(),
        };
        assert_eq!(panel.steps(), [50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0]);
        assert!((panel.x(500.0) - WIDE / 2.0).abs() < 1e-9);
    }
}
