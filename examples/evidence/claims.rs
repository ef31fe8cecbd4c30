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
        holds: reversed.most() <= tolerance.reversed,
    });
    let apart =
        Measure(plain.0.iter().zip(&opposite.0).map(|(plain, opposite)| (plain - opposite).abs()).collect());
    claims.push(Claim {
        asked: format!(
            "backwards, against the opposite label: within {:.0} points of the plain accuracy",
            100.0 * tolerance.opposite
        ),
        found: format!("{} % beside {} %", opposite.percent(), plain.percent()),
        holds: apart.most() <= tolerance.opposite,
    });
    claims.push(at_chance("copies of one frame: at chance", copies, tested.videos));
    claims.push(at_chance("trained with permuted labels: at chance", permuted, tested.videos));
    let mut most = blind.most();
    let mut found = format!("fine-tuned {} %", blind.percent());
    if let Some(probe) = tested.probes.iter().find(|probe| probe.probe == ORDER_BLIND) {
        for (name, row) in ["pre-trained", "random", "pixels"].into_iter().zip(&probe.rows) {
            found += &format!(", {name} {} %", row.percent());
            most = most.max(row.most());
        }
    }
    claims.push(Claim {
        asked: "frames in another order, fine-tuned and attentive probe: at most 50 %".to_owned(),
        found,
        holds: most <= 0.5,
    });
    claims
}

/// Name of the probe that reads shuffled frames.
pub const ORDER_BLIND: &str = "order-blind";

/// With the most labels, the pre-trained arm reaches the bar in at most half the steps of the one from scratch,
/// and its slowest seed before the fastest from scratch.
fn sooner(scale: &Scale, arms: &[ArmFigures]) -> Claim {
    let labels = scale.most();
    let of = |wanted: Arm| arms.iter().find(|arm| arm.arm == wanted && arm.labels == labels);
    let asked = format!(
        "{labels} labels a class: {:.0} % in at most half the steps of scratch (mean), spreads apart",
        100.0 * scale.bar
    );
    let (Some(trained), Some(scratch)) = (of(Arm::PreTrained), of(Arm::Scratch)) else {
        return Claim { asked, found: "not run".to_owned(), holds: false };
    };
    // A run that never got there took more steps than it has; its length is the least that can be said.
    let least = |arm: &ArmFigures| {
        Measure(arm.reached.iter().map(|step| step.unwrap_or(scale.finetuning as f64)).collect())
    };
    let holds = trained.reached.iter().all(Option::is_some)
        && least(trained).mean() <= least(scratch).mean() / 2.0
        && least(trained).most() < least(scratch).least();
    Claim { asked, found: format!("pre-trained {}; scratch {}", steps(trained), steps(scratch)), holds }
}

/// When an arm reached the bar, in words.
pub fn steps(arm: &ArmFigures) -> String {
    let there: Vec<f64> = arm.reached.iter().filter_map(|step| *step).collect();
    let (all, found) = (arm.reached.len(), Measure(there));
    match found.0.len() {
        0 => "never".to_owned(),
        1 => format!("{:.0}{}", found.mean(), part(1, all)),
        some => {
            format!("{:.0} ({:.0} to {:.0}){}", found.mean(), found.least(), found.most(), part(some, all))
        }
    }
}

fn part(some: usize, all: usize) -> String {
    if some == all { String::new() } else { format!(", {some} of {all} seeds") }
}

/// Chance lies in the 95 % interval of the mean share of right answers over as many videos as were tested.
fn at_chance(asked: &str, measure: &Measure, videos: u64) -> Claim {
    let interval = wilson((measure.mean() * videos as f64).round() as u64, videos);
    Claim {
        asked: format!("{asked}, {:.1} %", 100.0 * CHANCE),
        found: format!(
            "{} %, 95 % interval {:.1} to {:.1}",
            measure.percent(),
            100.0 * interval.low,
            100.0 * interval.high
        ),
        holds: (interval.low..=interval.high).contains(&CHANCE),
    }
}
