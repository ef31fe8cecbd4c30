//! What was required of the experiment, and whether it holds.

use trainer::evaluation::wilson;

use crate::{
    experiment::Arm,
    figures::{ArmFigures, CHANCE, Measure, ProbeFigures},
    scale::Scale,
};

/// A required statement.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What was asked.
    pub asked: String,
    /// What was found.
    pub found: String,
    /// Whether it holds.
    pub holds: bool,
}

/// Accuracies that the claims are about.
pub struct Tested<'a> {
    /// On test videos, backwards, backwards against the opposite label, on copies of a frame; with permuted
    /// labels; blind to order.
    pub tests: &'a [Measure; 6],
    /// Videos of the test.
    pub videos: u64,
    /// The probes; the last one reads shuffled frames.
    pub probes: &'a [ProbeFigures],
}

/// Every claim.
pub fn of(scale: &Scale, arms: &[ArmFigures], tested: &Tested<'_>) -> Vec<Claim> {
    let [plain, reversed, opposite, copies, permuted, blind] = tested.tests;
    let tolerance = &scale.tolerance;
    let mut claims = vec![sooner(scale, arms)];
    claims.push(Claim {
        asked: format!("backwards, against the old label: at most {:.0} %", 100.0 * tolerance.reversed),
        found: format!("{} %", reversed.percent()),
        holds: !reversed.0.is_empty() && reversed.most() <= tolerance.reversed,
    });
    let apart =
        Measure(plain.0.iter().zip(&opposite.0).map(|(plain, opposite)| (plain - opposite).abs()).collect());
    claims.push(Claim {
        asked: format!(
            "backwards, against the opposite label: within {:.0} points of the plain accuracy",
            100.0 * tolerance.opposite
        ),
        found: format!("{} % beside {} %", opposite.percent(), plain.percent()),
        holds: !apart.0.is_empty() && apart.most() <= tolerance.opposite,
    });
    for (name, measure) in [("copies of one frame", copies), ("trained with permuted labels", permuted)] {
        claims.push(at_chance(name, measure, tested.videos, tolerance.chance));
    }
    let mut most = blind.most();
    let mut found = format!("fine-tuned {} %", blind.percent());
    if let Some(probe) = tested.probes.iter().find(|probe| probe.probe == ORDER_BLIND) {
        found += &format!(", attentive probe {} %", probe.rows[0].percent());
        most = most.max(probe.rows[0].most());
    }
    claims.push(Claim {
        asked: "frames in another order, fine-tuned and attentive probe: at most 50 %".to_owned(),
        found,
        holds: !blind.0.is_empty() && most <= 0.5,
    });
    claims
}

/// Name of the probe that reads shuffled frames.
pub const ORDER_BLIND: &str = "order-blind";

/// With the most labels, the pre-trained arm reaches the bar in at most half the steps of the one from scratch,
/// and its slowest seed before the fastest from scratch. Of the two lengths from scratch the sooner counts.
fn sooner(scale: &Scale, arms: &[ArmFigures]) -> Claim {
    let labels = scale.most();
    let reached = |wanted: Arm| -> Vec<Option<f64>> {
        let arm = arms.iter().find(|arm| arm.arm == wanted && arm.labels == labels);
        arm.map(|arm| arm.reached.clone()).unwrap_or_default()
    };
    let trained = reached(Arm::PreTrained);
    let longer = reached(Arm::ScratchLonger);
    let sooner = |(seed, short): (usize, Option<f64>)| {
        [short, longer.get(seed).copied().flatten()].into_iter().flatten().reduce(f64::min)
    };
    let scratch: Vec<_> = reached(Arm::Scratch).into_iter().enumerate().map(sooner).collect();
    // A seed that never got there took more steps than its longest run has: the least that can be said.
    let more = if longer.is_empty() { 0 } else { scale.pretraining };
    let longest = (scale.finetuning + more) as f64;
    let least = |steps: &[Option<f64>]| Measure(steps.iter().map(|step| step.unwrap_or(longest)).collect());
    let (ours, theirs) = (least(&trained), least(&scratch));
    Claim {
        asked: format!(
            "{labels} labels a class: {:.0} % in at most {:.0} % of the steps of scratch (mean), spreads apart",
            100.0 * scale.bar,
            100.0 * scale.tolerance.steps
        ),
        found: format!(
            "pre-trained {}; from scratch, in up to {longest:.0} steps, {}",
            when(&trained),
            when(&scratch)
        ),
        holds: !trained.is_empty()
            && trained.iter().all(Option::is_some)
            && !scratch.is_empty()
            && ours.mean() <= theirs.mean() * scale.tolerance.steps
            && ours.most() < theirs.least(),
    }
}

/// When each seed reached the bar, in words.
pub fn words(reached: &[Option<f64>]) -> String {
    let found = Measure(reached.iter().filter_map(|step| *step).collect());
    let all = reached.len();
    match found.0.len() {
        0 if all == 0 => "not measured".to_owned(),
        0 => "never".to_owned(),
        1 => format!("{:.0}{}", found.mean(), part(1, all)),
        some => {
            format!("{:.0} ({:.0} to {:.0}){}", found.mean(), found.least(), found.most(), part(some, all))
        }
    }
}

/// The same as the end of a sentence.
pub fn when(reached: &[Option<f64>]) -> String {
    if reached.iter().any(Option::is_some) { format!("after {}", words(reached)) } else { words(reached) }
}

fn part(some: usize, all: usize) -> String {
    if some == all { String::new() } else { format!(", {some} of {all} seeds") }
}

/// Chance lies in the 95 % interval of the mean share of right answers over as many videos as were tested, or no
/// further outside than `beyond`.
fn at_chance(name: &str, measure: &Measure, videos: u64, beyond: f64) -> Claim {
    let interval = wilson((measure.mean() * videos as f64).round() as u64, videos);
    let found = format!(
        "{} %, 95 % interval {:.1} to {:.1}",
        measure.percent(),
        100.0 * interval.low,
        100.0 * interval.high
    );
    let more = if beyond > 0.0 { format!(" or {:.0} points beside", 100.0 * beyond) } else { String::new() };
    Claim {
        asked: format!("{name}: chance, {:.1} %, inside the 95 % interval{more}", 100.0 * CHANCE),
        found: if measure.0.is_empty() { "not measured".to_owned() } else { found },
        holds: !measure.0.is_empty() && (interval.low - beyond..=interval.high + beyond).contains(&CHANCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arms(
        trained: [Option<f64>; 2],
        scratch: [Option<f64>; 2],
        longer: [Option<f64>; 2],
    ) -> Vec<ArmFigures> {
        let scale = Scale::full();
        let arm = |arm, reached: [Option<f64>; 2]| ArmFigures {
            arm,
            labels: scale.most(),
            setting: scale.grid[0],
            curves: Vec::new(),
            last: Measure(Vec::new()),
            reached: reached.to_vec(),
        };
        vec![arm(Arm::PreTrained, trained), arm(Arm::Scratch, scratch), arm(Arm::ScratchLonger, longer)]
    }

    #[test]
    fn half_the_steps_of_the_sooner_scratch_are_asked_of_every_seed() {
        let holds = |trained, scratch, longer| sooner(&Scale::full(), &arms(trained, scratch, longer)).holds;
        let (soon, later, never) = ([Some(150.0), Some(200.0)], [Some(900.0), Some(1000.0)], [None, None]);
        assert!(holds(soon, never, later));
        assert!(holds(soon, never, never));
        assert!(!holds(soon, [Some(300.0), Some(320.0)], later), "a mean of 175 is more than half of 310");
        assert!(!holds([Some(150.0), None], never, later));
        assert!(!holds(soon, [Some(190.0), None], [Some(900.0); 2]), "spreads meet");
        assert!(!holds(never, never, never));

        let short_only = &arms(soon, never, never)[..2];
        assert!(sooner(&Scale::full(), short_only).holds, "400 steps are twice 175");
        assert!(!sooner(&Scale::full(), &arms([Some(250.0); 2], never, never)[..2]).holds);
    }

    #[test]
    fn chance_is_inside_the_interval_of_a_guesser_only() {
        let holds = |seeds: &[f64], beyond| at_chance("", &Measure(seeds.to_vec()), 512, beyond).holds;
        assert!(holds(&[0.13, 0.12], 0.0));
        assert!(!holds(&[0.2], 0.0));
        assert!(!holds(&[0.05], 0.0));
        assert!(!holds(&[0.17], 0.0) && holds(&[0.17], 0.03) && !holds(&[0.25], 0.03));
    }
}
