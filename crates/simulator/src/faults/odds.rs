//! Small values inside the faults: odds that may be written as true or false, latencies, the pair limit.

use serde::{Deserialize, Deserializer, Serialize};

use crate::entropy::Entropy;

/// Reads odds from a number between 0 and 1, or from true and false.
pub(crate) fn odds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Odds {
        Flag(bool),
        Rate(f64),
    }
    match Option::<Odds>::deserialize(from)? {
        None | Some(Odds::Flag(false)) => Ok(0.0),
        Some(Odds::Flag(true)) => Ok(1.0),
        Some(Odds::Rate(rate)) if (0.0..=1.0).contains(&rate) => Ok(rate),
        Some(Odds::Rate(rate)) => Err(serde::de::Error::custom(format!("{rate} is not between 0 and 1"))),
    }
}

/// How latencies are spread around `latency_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// `latency_ms` plus an even spread of `latency_jitter_ms`.
    #[default]
    Uniform,
    /// Exponential with the mean `latency_ms`: most answers quick, a few very slow.
    Exponential,
    /// Log-normal with the median `latency_ms`; `latency_jitter_ms` is one deviation above it.
    Lognormal,
}

impl Latency {
    /// One latency in milliseconds.
    pub(crate) fn draw(self, typical: u64, jitter: u64, entropy: &Entropy) -> u64 {
        if typical == 0 && jitter == 0 {
            return 0;
        }
        match self {
            Self::Uniform => typical + entropy.below(jitter + 1),
            Self::Exponential => (-(1.0 - entropy.unit()).ln() * typical as f64) as u64,
            Self::Lognormal => {
                let deviation = ((typical + jitter) as f64 / typical.max(1) as f64).ln();
                let normal = (-2.0 * (1.0 - entropy.unit()).ln()).sqrt()
                    * (std::f64::consts::TAU * entropy.unit()).cos();
                (typical as f64 * (normal * deviation).exp()) as u64
            }
        }
    }
}

/// How many messages one number may send to one customer.
///
/// Meta: one per 6 seconds, a burst of up to 45 borrowed from the future (WhatsApp, "Throughput").
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairLimit {
    /// Messages that may be sent at once; 0 switches the limit off.
    pub burst: u32,
    /// Seconds after which one more is allowed.
    pub period_seconds: f64,
}

impl Default for PairLimit {
    fn default() -> Self {
        Self { burst: 45, period_seconds: 6.0 }
    }
}

impl<'de> Deserialize<'de> for PairLimit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Flag(bool),
            Burst(u32),
            Full { burst: u32, period_seconds: f64 },
        }
        let meta = Self::default();
        Ok(match Option::<Written>::deserialize(from)? {
            None | Some(Written::Flag(true)) => meta,
            Some(Written::Flag(false)) => Self { burst: 0, ..meta },
            Some(Written::Burst(burst)) => Self { burst, ..meta },
            Some(Written::Full { burst, period_seconds }) => Self { burst, period_seconds },
        })
    }
}
