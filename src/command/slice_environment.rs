//! Which slice a process is, by the environment that an engine gives to each of many.
//!
//! | engine | number | how many |
//! | --- | --- | --- |
//! | Slurm array | `SLURM_ARRAY_TASK_ID` less `SLURM_ARRAY_TASK_MIN` | `SLURM_ARRAY_TASK_COUNT` |
//! | Kubernetes Indexed Job | `JOB_COMPLETION_INDEX` | not told |
//! | SkyPilot, `--num-jobs` | `SKYPILOT_JOB_RANK` | `SKYPILOT_NUM_JOBS` |
//!
//! Where it is said how many slices there are, a Slurm task's id is the number of its slice: an array of the tasks that
//! are missing has another smallest id and another count.

use schemas::Slice;

use crate::Usage;

/// The variables of an engine.
struct Engine {
    name: &'static str,
    number: &'static str,
    /// Variable of the number of slices, if there is one.
    of: Option<&'static str>,
    /// Variables of the smallest and the largest number, where they do not begin with 0.
    bounds: Option<[&'static str; 2]>,
}

const ENGINES: [Engine; 3] = [
    Engine {
        name: "Slurm",
        number: "SLURM_ARRAY_TASK_ID",
        of: Some("SLURM_ARRAY_TASK_COUNT"),
        bounds: Some(["SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"]),
    },
    Engine { name: "Kubernetes", number: "JOB_COMPLETION_INDEX", of: None, bounds: None },
    Engine { name: "SkyPilot", number: "SKYPILOT_JOB_RANK", of: Some("SKYPILOT_NUM_JOBS"), bounds: None },
];

/// What an engine's environment is read by: the value of a variable, if it is set.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The slice that the environment names, one of `of` where that is said.
///
/// # Errors
/// Usage error: it names none, half of one, or two.
pub fn slice(of: Option<u64>, variables: impl Fn(&str) -> Option<String>) -> Result<Slice, Usage> {
    let variables: Variables<'_> = &variables;
    let is_set = |engine: &&Engine| {
        let names = [Some(engine.number), engine.of];
        names.into_iter().flatten().any(|name| variables(name).is_some())
    };
    let mut engines = ENGINES.iter().filter(is_set);
    let explicit = "give the slice itself, such as --slice 3/16";
    match (engines.next(), engines.next()) {
        (None, _) => {
            let numbers = ENGINES.map(|engine| engine.number).join(", ");
            Err(Usage::new(format!("the environment names no slice: none of {numbers} is set"))
                .hint(explicit))
        }
        (Some(engine), None) => engine.slice(of, variables),
        (Some(one), Some(other)) => {
            let words =
                format!("the environment names two slices: one of {} and one of {}", one.name, other.name);
            Err(Usage::new(words).hint(explicit))
        }
    }
}

impl Engine {
    fn slice(&self, of: Option<u64>, variables: Variables<'_>) -> Result<Slice, Usage> {
        let number = self.value(self.number, variables)?;
        let (number, of) = match (of, self.of, self.bounds) {
            (Some(of), _, _) => (number, of),
            (None, None, _) => {
                return Err(Usage::new(format!("{} does not tell how many slices there are", self.name))
                    .hint("--slice auto/N, N being the completions of the job"));
            }
            (None, Some(of), None) => (number, self.value(of, variables)?),
            (None, Some(of), Some([smallest, largest])) => {
                let (of, smallest) = (self.value(of, variables)?, self.value(smallest, variables)?);
                let largest =
                    variables(largest).map_or(Ok(None), |_| self.value(largest, variables).map(Some))?;
                if largest.is_some_and(|largest| largest.checked_sub(smallest) != of.checked_sub(1)) {
                    return Err(Usage::new("the numbers of this array do not follow each other")
                        .hint("--slice auto/N, N being the number of all slices, counted from 0"));
                }
                (number.checked_sub(smallest).unwrap_or(u64::MAX), of)
            }
        };
        Slice::new(number, of).map_err(|why| {
            Usage::new(format!("{} is {}: {why}", self.number, variables(self.number).unwrap_or_default()))
        })
    }

    /// The number that a variable is.
    fn value(&self, name: &str, variables: Variables<'_>) -> Result<u64, Usage> {
        let Some(text) = variables(name) else {
            let words = format!("the environment of {} is not whole: {name} is not set", self.name);
            return Err(Usage::new(words).hint("give the slice itself, such as --slice 3/16"));
        };
        text.parse().map_err(|_| Usage::new(format!("{name} is `{text}`, which is no number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of: Option<u64>, set: &[(&str, &str)]) -> Result<String, String> {
        let value =
            |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        slice(of, value).map(|slice| slice.to_string()).map_err(|usage| usage.to_string())
    }

    fn array(
        id: &'static str,
        smallest: &'static str,
        largest: &'static str,
        count: &'static str,
    ) -> [(&'static str, &'static str); 4] {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", smallest),
            ("SLURM_ARRAY_TASK_MAX", largest),
            ("SLURM_ARRAY_TASK_COUNT", count),
        ]
    }

    #[test]
    fn each_engine_s_numbers_are_read() {
        assert_eq!(found(None, &array("3", "0", "15", "16")).unwrap(), "3/16");
        assert_eq!(found(None, &array("4", "1", "16", "16")).unwrap(), "3/16");
        assert_eq!(found(Some(16), &array("7", "3", "7", "2")).unwrap(), "7/16");
        assert_eq!(found(Some(4), &[("JOB_COMPLETION_INDEX", "2")]).unwrap(), "2/4");
        let jobs = [("SKYPILOT_JOB_RANK", "0"), ("SKYPILOT_NUM_JOBS", "2")];
        assert_eq!(found(None, &jobs).unwrap(), "0/2");
    }

    #[test]
    fn half_an_environment_is_none() {
        for (of, set, words) in [
            (None, &[][..], "names no slice"),
            (None, &[("SLURM_ARRAY_TASK_ID", "3")], "SLURM_ARRAY_TASK_COUNT is not set"),
            (None, &[("SLURM_ARRAY_TASK_COUNT", "3")], "SLURM_ARRAY_TASK_ID is not set"),
            (None, &array("3", "0", "15", "16")[..1], "SLURM_ARRAY_TASK_COUNT is not set"),
            (None, &array("7", "3", "7", "2"), "do not follow each other"),
            (Some(16), &array("16", "1", "16", "16"), "there is no slice 16 of 16"),
            (None, &[("JOB_COMPLETION_INDEX", "2")], "does not tell how many"),
            (None, &[("SKYPILOT_JOB_RANK", "2")], "SKYPILOT_NUM_JOBS is not set"),
            (None, &[("SKYPILOT_JOB_RANK", "two"), ("SKYPILOT_NUM_JOBS", "4")], "`two`, which is no number"),
            (Some(4), &[("JOB_COMPLETION_INDEX", "2"), ("SKYPILOT_JOB_RANK", "2")], "names two slices"),
        ] {
            let refused = found(of, set).unwrap_err();
            assert!(refused.contains(words), "{set:?}: {refused}");
        }
    }
}
