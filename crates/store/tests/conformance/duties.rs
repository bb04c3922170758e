//! Duties: one node at a time.

use ports::duties::{Duty, DutyStore};

use crate::samples::at_once;
use crate::support::{Bench, at};

on_each_engine!(
    of_many_who_ask_at_once_one_gets_a_duty,
    a_duty_is_another_s_when_its_time_ran_out_or_it_was_given_back,
);

const DUTY: Duty = Duty::AlertWatch;

async fn of_many_who_ask_at_once_one_gets_a_duty(bench: Bench) {
    for until in [10, 20] {
        let now = at(until - 10);
        let got = at_once(&bench.store, 20, |store, number| async move {
            store.take_duty(DUTY, &format!("node-{number}"), now, at(until)).await.unwrap()
        })
        .await;
        assert_eq!(got.iter().filter(|got| **got).count(), 1);
    }
}

async fn a_duty_is_another_s_when_its_time_ran_out_or_it_was_given_back(bench: Bench) {
    let (one, two) = (&bench.store, bench.another_node().await);
    assert!(one.take_duty(DUTY, "one", at(0), at(10)).await.unwrap());
    assert!(!two.take_duty(DUTY, "two", at(9), at(19)).await.unwrap());
    assert!(one.take_duty(DUTY, "one", at(9), at(19)).await.unwrap(), "it goes on");
    assert!(!two.take_duty(DUTY, "two", at(10), at(20)).await.unwrap());
    assert!(two.take_duty(DUTY, "two", at(19), at(29)).await.unwrap());
    assert!(!one.take_duty(DUTY, "one", at(20), at(30)).await.unwrap());
    one.release_duty(DUTY, "one").await.unwrap();
    assert!(!one.take_duty(DUTY, "one", at(20), at(30)).await.unwrap(), "it was not its own to give");
    two.release_duty(DUTY, "two").await.unwrap();
    assert!(one.take_duty(DUTY, "one", at(20), at(30)).await.unwrap());
}
