//! What the system says of this machine and process: memory, CPU time, processors.

/// Threads that may be asked for at most.
pub const MOST_WORKERS: usize = 1 << 10;

/// Threads that decode where nobody says how many: one a core.
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Largest resident memory of this process so far, in bytes; none where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    told_bytes("/proc/self/status", "VmHWM:")
}

/// Memory that this machine, or the container it runs in, can still give, in bytes; none where the system
/// does not tell.
pub fn free_memory() -> Option<u64> {
    let machine = told_bytes("/proc/meminfo", "MemAvailable:")?;
    let container = |file: &str| -> Option<u64> {
        std::fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse().ok()
    };
    // Without a limit the file says `max`, which is no number.
    let left = container("memory.max").zip(container("memory.current"));
    Some(left.map_or(machine, |(limit, used)| machine.min(limit.saturating_sub(used))))
}

/// The machine in words: its processor, how many threads it has, its memory; none where the system does not tell.
pub fn in_words() -> Option<String> {
    let told = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("a processor", |(_, name)| name.trim());
    let memory = told_bytes("/proc/meminfo", "MemTotal:")?;
    Some(format!("{name}, {} threads, {}", default_workers(), crate::words::bytes(memory)))
}

/// What the line of `file` that begins with `key` says in KiB, in bytes.
fn told_bytes(file: &str, key: &str) -> Option<u64> {
    let told = std::fs::read_to_string(file).ok()?;
    let line = told.lines().find(|line| line.starts_with(key))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Ticks of a second in `/proc`; Linux has had 100 on every common machine for decades.
const TICKS: f64 = 100.0;

/// Processor seconds of all threads of this process so far, and of the processes that decode for it; none where the
/// system does not tell.
pub fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in brackets and may hold spaces; user and system time are 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS + pipeline::profile::cpu_elsewhere().as_secs_f64())
}
