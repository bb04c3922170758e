//! Runs a target until its time is over or a property breaks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// Makes one input from the randomness, checks it, and answers the input with the property that it broke.
pub(crate) type Target = fn(&mut StdRng, &mut Vec<u8>) -> Result<(), String>;

/// Answers how many inputs were tried.
///
/// # Errors
/// What broke, at which input, and where the input is kept.
pub(crate) fn run(name: &str, target: Target, seed: u64, limit: Duration) -> Result<u64, String> {
    let started = now();
    let mut inputs = 0;
    while now().duration_since(started) < limit {
        for _ in 0..64 {
            // Each input has a generator of its own, so that one is repeated without those before it.
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(inputs));
            let mut input = Vec::new();
            let outcome = catch_unwind(AssertUnwindSafe(|| target(&mut rng, &mut input)));
            if let Err(why) = outcome.unwrap_or_else(|_| Err("panicked".into())) {
                return Err(format!("input {inputs}: {why}; kept in {}", keep(name, &input).display()));
            }
            inputs += 1;
        }
    }
    Ok(inputs)
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    let path = folder.join(format!("{name}.input"));
    if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, input)) {
        eprintln!("the input could not be kept: {error}");
    }
    path
}

/// Another one each time.
#[allow(clippy::disallowed_methods, reason = "a tool: the seed is printed, so that the run can be repeated")]
pub(crate) fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[allow(clippy::disallowed_methods, reason = "a tool: the time only ends the run")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    #[test]
    fn a_short_run_breaks_no_property() {
        for (name, target) in [
            ("webhook_body", targets::webhook_body::check as Target),
            ("signature_header", targets::signature_header::check),
        ] {
            let inputs = run(name, target, 1, Duration::from_millis(300)).unwrap();
            assert!(inputs > 0);
        }
    }

    #[test]
    fn a_panic_is_reported_with_its_input() {
        let panics: Target = |_, input| {
            input.extend_from_slice(b"the input");
            panic!("on purpose")
        };
        let broken = run("panics-on-purpose", panics, 1, Duration::from_millis(50)).unwrap_err();
        assert!(broken.starts_with("input 0: panicked; kept in "), "{broken}");
    }
}
