//! How the binary is linked.

use std::env::var;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Only where Rust brings the linker that knows how.
    let brings_lld = var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-gnu");
    if !brings_lld || var("PROFILE").is_ok_and(|profile| profile != "release") {
        return;
    }
    // Functions that came out the same, many of them one generic for two types, become one.
    println!("cargo:rustc-link-arg-bins=-Wl,--icf=safe");
    if c_library().is_some_and(|version| version >= (2, 36)) {
        // The table of what the loader adjusts, read whole at each start, shrinks from a megabyte to some kilobytes.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of glibc here: what is linked against it runs on no older one anyway.
fn c_library() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
