//! `waxwing` as somebody at a shell uses it.

mod commands;
mod demo;
mod process;
