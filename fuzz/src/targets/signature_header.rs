//! The signature header: only the one right value is accepted, whatever the others look like.

use graph::signature::{SignatureFault, sign, verify};
use rand::Rng;
use rand::rngs::StdRng;

use crate::mutate::bytes;

pub(crate) fn check(rng: &mut StdRng, input: &mut Vec<u8>) -> Result<(), String> {
    let secret: [u8; 32] = rng.random();
    let mut body = vec![0_u8; rng.random_range(0..200)];
    rng.fill(body.as_mut_slice());
    let right = sign(&secret, &body);
    if verify(&secret, &body, Some(right.as_bytes())) != Ok(()) {
        return Err("the right signature was refused".into());
    }
    *input = right.clone().into_bytes();
    for _ in 0..rng.random_range(1..5) {
        bytes::mutate(rng, input);
    }
    let accepted = verify(&secret, &body, Some(input)) == Ok(());
    if accepted && input != right.as_bytes() {
        return Err("a changed signature was accepted".into());
    }
    changed_body_is_refused(rng, &secret, body, &right)
}

fn changed_body_is_refused(
    rng: &mut StdRng,
    secret: &[u8],
    body: Vec<u8>,
    right: &str,
) -> Result<(), String> {
    let mut changed = body.clone();
    bytes::mutate(rng, &mut changed);
    if changed != body && verify(secret, &changed, Some(right.as_bytes())) != Err(SignatureFault::Wrong) {
        return Err("a changed body was accepted".into());
    }
    Ok(())
}
