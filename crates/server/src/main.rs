//! Waxwing: a server for the WhatsApp Business Cloud API.
#![allow(dead_code)]

mod config;
mod keys;
mod logging;
mod shutdown;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {}
