//! Which process of how many a launcher started: torchrun, mpirun and srun tell it in the environment.
//!
//! ```text
//!             process                size                       on its machine
//! torchrun    RANK                   WORLD_SIZE                 LOCAL_RANK, LOCAL_WORLD_SIZE      (and PyTorchJob)
//! mpirun      OMPI_COMM_WORLD_RANK   OMPI_COMM_WORLD_SIZE       OMPI_COMM_WORLD_LOCAL_RANK, …_LOCAL_SIZE
//! mpiexec     PMI_RANK               PMI_SIZE                   MPI_LOCALRANKID, MPI_LOCALNRANKS; else as srun, which
//!                                                               sets PMI_RANK too
//! srun        SLURM_PROCID           SLURM_STEP_NUM_TASKS,      SLURM_LOCALID, SLURM_NTASKS_PER_NODE
//!                                    else SLURM_NTASKS
//! ```
//!
//! The first of them that is there counts: mpirun and torchrun are started within a job of Slurm, not the other way
//! round. What Slurm says of a job whose processes it did not start (`salloc`, `sbatch` without `--ntasks`) is no launch.

use super::Place;

/// A launch, as the environment tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// Who started the process.
    pub by: &'static str,
    /// Which of its processes it is.
    pub place: Place,
}

/// Why the processes that a launcher started cannot train together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// One of two numbers that belong together is not there.
    #[error("{there} is set, as by {by}, and {missing} is not")]
    Half {
        /// Who sets both.
        by: &'static str,
        /// The variable that is set.
        there: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A variable is not the number that it should be.
    #[error("{name} is `{value}`, which is no {what}")]
    Number {
        /// The variable.
        name: &'static str,
        /// What it says.
        value: String,
        /// What it should be.
        what: String,
    },
    /// There are several processes, and this build cannot sum what they compute.
    #[error(
        "{by} started {size} processes, and this build trains in one process: each would train the same model"
    )]
    NoSum {
        /// Who started them.
        by: &'static str,
        /// How many.
        size: usize,
    },
    /// MPI knows of other processes than the launcher: it was not MPI's own.
    #[error("{by} started {told} processes, and MPI knows of {mpi}: each would train the same model")]
    OtherSize {
        /// Who started them.
        by: &'static str,
        /// How many it started.
        told: usize,
        /// How many MPI knows of.
        mpi: usize,
    },
    /// MPI can be used once in a process.
    #[error("MPI was ended in this process by an earlier training")]
    Ended,
    /// NCCL cannot be used.
    #[error("NCCL: {0}")]
    Nccl(String),
}

/// The variables of a launcher.
struct Launcher {
    name: &'static str,
    rank: &'static str,
    /// Of these and of those below, the first that is there counts.
    size: &'static [&'static str],
    local_rank: &'static [&'static str],
    local_size: &'static [&'static str],
}

const LAUNCHERS: [Launcher; 4] = [
    Launcher {
        name: "torchrun",
        rank: "RANK",
        size: &["WORLD_SIZE"],
        local_rank: &["LOCAL_RANK"],
        local_size: &["LOCAL_WORLD_SIZE"],
    },
    Launcher {
        name: "mpirun",
        rank: "OMPI_COMM_WORLD_RANK",
        size: &["OMPI_COMM_WORLD_SIZE"],
        local_rank: &["OMPI_COMM_WORLD_LOCAL_RANK"],
        local_size: &["OMPI_COMM_WORLD_LOCAL_SIZE"],
    },
    Launcher {
        name: "mpiexec",
        rank: "PMI_RANK",
        size: &["PMI_SIZE"],
        local_rank: &["MPI_LOCALRANKID", "SLURM_LOCALID"],
        local_size: &["MPI_LOCALNRANKS", "SLURM_NTASKS_PER_NODE"],
    },
    SLURM,
];

const SLURM: Launcher = Launcher {
    name: "srun",
    rank: "SLURM_PROCID",
    size: &["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"],
    local_rank: &["SLURM_LOCALID"],
    local_size: &["SLURM_NTASKS_PER_NODE"],
};

/// The launch of this process, by what `variable` says of its environment; none where it was started alone.
///
/// # Errors
/// When the environment tells half of it, or what is no number.
pub fn launch(variable: impl Fn(&'static str) -> Option<String>) -> Result<Option<Launched>, LaunchError> {
    for launcher in LAUNCHERS {
        if let Some(place) = launcher.place(&variable)? {
            return Ok((place.size > 1).then_some(Launched { by: launcher.name, place }));
        }
    }
    Ok(None)
}

/// A word that another launch on the same machines does not have, as far as launchers say one.
#[cfg(feature = "nccl")]
pub(crate) fn name_of_launch() -> String {
    let names =
        ["TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT", "SLURM_JOB_ID", "SLURM_STEP_ID"];
    let words: Vec<String> = names.iter().filter_map(|name| std::env::var(name).ok()).collect();
    words.join("-").replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

impl Launcher {
    fn place(&self, variable: impl Fn(&'static str) -> Option<String>) -> Result<Option<Place>, LaunchError> {
        let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, variable(name)?)));
        let size = first(self.size);
        let half = |there, missing| Err(LaunchError::Half { by: self.name, there, missing });
        let (rank, (size_name, size)) = match (variable(self.rank), size) {
            (Some(rank), Some(size)) => (rank, size),
            (None, None) => return Ok(None),
            // A job of Slurm whose processes it did not start.
            (None, Some(_)) if self.name == SLURM.name => return Ok(None),
            (Some(rank), None) if self.name == SLURM.name && rank == "0" => return Ok(None),
            (None, Some((there, _))) => return half(there, self.rank),
            (Some(_), None) => return half(self.rank, self.size[0]),
        };
        let size = number(size_name, &size, 1..=usize::MAX, "number of processes")?;
        let rank = number(self.rank, &rank, 0..=size - 1, &format!("process of {size}"))?;
        let local_rank = match first(self.local_rank) {
            Some((name, value)) => number(name, &value, 0..=size - 1, "process of a machine")?,
            // One process a machine, as PyTorchJob starts them without torchrun.
            None => 0,
        };
        let local_size = match first(self.local_size) {
            Some((name, value)) => number(name, &value, 1..=usize::MAX, "number of processes")?,
            None => 1,
        };
        Ok(Some(Place { rank, size, local_rank, local_size: local_size.clamp(local_rank + 1, size) }))
    }
}

/// The number that `value` is, within `bounds`.
fn number(
    name: &'static str,
    value: &str,
    bounds: std::ops::RangeInclusive<usize>,
    what: &str,
) -> Result<usize, LaunchError> {
    let parsed = value.trim().parse().ok().filter(|number| bounds.contains(number));
    parsed.ok_or_else(|| LaunchError::Number { name, value: value.to_owned(), what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The launch of a process with these variables, a word each.
    fn launch_of(variables: &str) -> Result<Option<Launched>, LaunchError> {
        let pairs: Vec<(&str, &str)> =
            variables.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        launch(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn place(variables: &str) -> Option<(&'static str, [usize; 4])> {
        let Launched { by, place } = launch_of(variables).unwrap()?;
        Some((by, [place.rank, place.size, place.local_rank, place.local_size]))
    }

    #[test]
    fn each_launcher_tells_the_process_and_how_many_there_are() {
        let torchrun = "RANK=5 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=4";
        assert_eq!(place(torchrun), Some(("torchrun", [5, 8, 1, 4])));
        let mpirun = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 \
                      OMPI_COMM_WORLD_LOCAL_SIZE=2";
        assert_eq!(place(mpirun), Some(("mpirun", [1, 2, 1, 2])));
        assert_eq!(place("PMI_RANK=2 PMI_SIZE=3"), Some(("mpiexec", [2, 3, 0, 1])));
        // `srun --mpi=pmi2` tells it twice.
        let twice =
            "PMI_RANK=2 PMI_SIZE=4 SLURM_PROCID=2 SLURM_NTASKS=4 SLURM_LOCALID=1 SLURM_NTASKS_PER_NODE=2";
        assert_eq!(place(twice), Some(("mpiexec", [2, 4, 1, 2])));
        let srun = "SLURM_PROCID=3 SLURM_NTASKS=4 SLURM_LOCALID=1";
        assert_eq!(place(srun), Some(("srun", [3, 4, 1, 2])));
        // PyTorchJob tells no more than this.
        assert_eq!(place("RANK=0 WORLD_SIZE=2 MASTER_PORT=23456"), Some(("torchrun", [0, 2, 0, 1])));
    }

    #[test]
    fn what_was_started_within_a_job_counts_before_the_job() {
        let within = "SLURM_PROCID=0 SLURM_NTASKS=2 RANK=9 WORLD_SIZE=16 LOCAL_RANK=1";
        assert_eq!(place(within), Some(("torchrun", [9, 16, 1, 2])));
        // The step has one process, whatever the job asked for.
        assert_eq!(place("SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1 SLURM_NTASKS=4"), None);
    }

    #[test]
    fn one_process_is_alone() {
        for alone in ["", "RANK=0 WORLD_SIZE=1", "SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_LOCALID=0"] {
            assert_eq!(place(alone), None, "{alone}");
        }
        // `salloc`, and `sbatch` without a number of tasks: Slurm started none of them.
        assert_eq!([place("SLURM_NTASKS=4"), place("SLURM_PROCID=0")], [None, None]);
    }

    #[test]
    fn half_of_it_and_what_is_no_number_are_refused() {
        for (variables, words) in [
            ("RANK=0", "RANK is set, as by torchrun, and WORLD_SIZE is not"),
            ("WORLD_SIZE=2 LOCAL_RANK=0", "WORLD_SIZE is set, as by torchrun, and RANK is not"),
            ("SLURM_PROCID=1", "SLURM_PROCID is set, as by srun, and SLURM_STEP_NUM_TASKS is not"),
            ("RANK=2 WORLD_SIZE=2", "RANK is `2`, which is no process of 2"),
            ("RANK=0 WORLD_SIZE=two", "WORLD_SIZE is `two`, which is no number of processes"),
            ("PMI_RANK=0 PMI_SIZE=0", "PMI_SIZE is `0`, which is no number of processes"),
        ] {
            assert_eq!(launch_of(variables).unwrap_err().to_string(), words);
        }
    }
}
