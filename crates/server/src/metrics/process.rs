//! Numbers about the process, out of /proc: under the names that every Prometheus knows.

use std::fmt::Write;
use std::fs;

/// Ticks per second of the times in /proc: 100 on every architecture (USER_HZ, part of Linux' interface).
const TICKS: f64 = 100.0;

/// Appends what can be read; nothing where there is no /proc.
pub(super) fn write(page: &mut String) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let system = fs::read_to_string("/proc/stat").unwrap_or_default();
    let open = fs::read_dir("/proc/self/fd").map(|files| files.count() as f64).ok();
    let lines = [
        ("process_cpu_seconds_total", "counter", "Time spent on processors, in seconds.", cpu(&stat)),
        ("process_resident_memory_bytes", "gauge", "Memory in use, in bytes.", memory(&status, "VmRSS:")),
        ("process_virtual_memory_bytes", "gauge", "Memory asked for, in bytes.", memory(&status, "VmSize:")),
        ("process_open_fds", "gauge", "Open files and sockets.", open),
        ("process_max_fds", "gauge", "Most files and sockets that may be open.", max_fds(&limits)),
        ("process_threads", "gauge", "Threads.", field(&status, "Threads:")),
        (
            "process_start_time_seconds",
            "gauge",
            "When the process started, in seconds since 1970.",
            started(&stat, &system),
        ),
    ];
    for (name, kind, help, value) in lines {
        if let Some(value) = value {
            // Writing into a text cannot fail.
            let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    }
}

/// The fields behind the program's name, which may hold blanks: the first is the state, number 3 in proc(5).
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number - 3)?.parse().ok()
}

fn cpu(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS)
}

fn started(stat: &str, system: &str) -> Option<f64> {
    Some(field(system, "btime")? + stat_field(stat, 22)? / TICKS)
}

fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn memory(status: &str, name: &str) -> Option<f64> {
    Some(field(status, name)? * 1024.0)
}

fn max_fds(limits: &str) -> Option<f64> {
    field(limits, "Max open files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_whatever_the_program_is_called() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 8 0 1000 5 6";
        assert_eq!(cpu(stat), Some(4.0));
        assert_eq!(started(stat, "cpu 1 2\nbtime 1800000000\n"), Some(1_800_000_010.0));
        assert_eq!(memory("Name:\tx\nVmRSS:\t  20 kB\n", "VmRSS:"), Some(20_480.0));
        assert_eq!(max_fds("Max open files            1024      4096      files\n"), Some(1_024.0));
        assert_eq!(cpu(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_files_and_a_start() {
        let mut page = String::new();
        write(&mut page);
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
            let line = page.lines().find(|line| line.starts_with(&format!("{name} "))).expect(name);
            let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(value > 0.0, "{line}");
        }
    }
}
