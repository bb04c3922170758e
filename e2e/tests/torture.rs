//! A broadcast that is killed again and again loses nobody and reaches nobody twice. Small here; the whole one by
//! `cargo xtask torture`.

use e2e::Database;
use e2e::torture::Torture;

const SMALL: Torture = Torture { recipients: 1_500, kills: 6, pauses: 5, nodes: 1, numbers: 1, seed: 11 };

#[test]
fn six_kills_and_five_pauses_of_a_broadcast_lose_nobody_and_repeat_nobody_on_sqlite() {
    SMALL.run(Database::sqlite());
}

#[test]
fn six_kills_and_five_pauses_of_a_broadcast_lose_nobody_and_repeat_nobody_on_postgresql() {
    SMALL.run(Database::postgres());
}

#[test]
fn two_kills_of_one_of_two_nodes_that_send_from_two_numbers_lose_nobody_and_repeat_nobody() {
    let torture = Torture { recipients: 1_000, kills: 2, pauses: 2, nodes: 2, numbers: 2, seed: 12 };
    torture.run(Database::postgres());
}

/// What `cargo xtask torture` runs.
#[test]
#[ignore = "takes minutes: cargo xtask torture"]
fn as_asked_for() {
    let number = |name: &str, usual: u64| {
        let given = std::env::var(name).ok().filter(|text| !text.is_empty());
        given.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    let torture = Torture {
        recipients: number("TORTURE_RECIPIENTS", 20_000) as usize,
        kills: number("TORTURE_KILLS", 20) as usize,
        pauses: 5,
        nodes: number("TORTURE_NODES", 1) as usize,
        numbers: number("TORTURE_NUMBERS", 1) as usize,
        seed: number("TORTURE_SEED", 1),
    };
    match std::env::var("TORTURE_DATABASE").as_deref() {
        Ok("postgres") => torture.run(Database::postgres()),
        _ => torture.run(Database::sqlite()),
    }
}
