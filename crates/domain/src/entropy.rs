//! The one place where randomness comes from.

/// A source of randomness, passed to whatever needs it, so that a test can repeat what it saw.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills `into` with random bytes fit for keys and nonces.
    fn fill(&self, into: &mut [u8]);

    /// A number in `[0, 1)`, for jitter.
    fn fraction(&self) -> f64 {
        let mut bytes = [0u8; 8];
        self.fill(&mut bytes);
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, into: &mut [u8]) {
        use rand::RngCore;
        #[allow(clippy::disallowed_methods, reason = "this is the place")]
        rand::rng().fill_bytes(into);
    }
}
