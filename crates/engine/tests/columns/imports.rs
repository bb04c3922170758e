//! Lists of contacts, from the file to the contacts.

use std::time::Duration;

use bytes::Bytes;
use domain::ImportId;
use domain::imports::ImportState;
use engine::imports::{ImportError, Options, Order, Tried};
use futures::{StreamExt as _, stream};
use ports::contacts::ContactFilter;
use ports::gateway::ByteStream;
use ports::imports::Import;
use tokio_util::sync::CancellationToken;

use crate::house::{House, eventually, page};

const PATIENCE: Duration = Duration::from_secs(30);

fn bytes(text: &str) -> ByteStream {
    let parts: Vec<_> =
        text.as_bytes().chunks(7).map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part))).collect();
    stream::iter(parts).boxed()
}

fn updating() -> Order {
    Order { options: Options { skip_duplicates: false, ..Options::default() }, ..Order::default() }
}

async fn import(house: &House, text: &str, order: Order) -> Import {
    let imports = &house.engine.imports;
    let received = imports.receive(bytes(text)).await.unwrap();
    let started = imports.start(house.tenant, received, order).await.unwrap();
    let ended = imports.wait(house.tenant, started.id, PATIENCE).await.unwrap();
    assert!(ended.state.is_over(), "{ended:?}");
    ended
}

fn counts(import: &Import) -> [u64; 5] {
    let counts = import.counts;
    [counts.processed, counts.imported, counts.updated, counts.duplicates, counts.errors]
}

fn files(house: &House) -> usize {
    let folders = std::fs::read_dir(&house.deps.settings.imports_dir).into_iter().flatten();
    folders.flatten().map(|folder| std::fs::read_dir(folder.path()).unwrap().count()).sum()
}

#[tokio::test]
async fn the_same_file_again_imports_nothing_twice_and_leaves_no_file() {
    let house = House::build().await;
    let text = "phone,name\n+15551234567,Ann\n+1555,Bob\n+15551234568,Cid\n+15551234567,Ann\n";
    let first = import(&house, text, Order::default()).await;
    assert_eq!((first.state, counts(&first)), (ImportState::Completed, [4, 2, 0, 1, 1]));
    let again = import(&house, text, Order::default()).await;
    assert_eq!(counts(&again), [4, 0, 0, 3, 1]);
    let details = house.engine.imports.details(house.tenant, first.id).await.unwrap();
    let told: Vec<(u64, &str)> = details.iter().map(|one| (one.row, one.error.as_str())).collect();
    assert_eq!(told, [(3, "Invalid phone format"), (5, "Duplicate number")]);
    let contacts =
        house.engine.contacts.list(house.tenant, &ContactFilter::default(), &page()).await.unwrap();
    assert_eq!(contacts.total, 2);
    assert_eq!(files(&house), 0, "what was read is removed");
}

#[tokio::test]
async fn a_known_contact_takes_over_what_the_row_says_and_an_opt_out_stays() {
    let house = House::build().await;
    import(&house, "phone,name,opted_in,tags\n+15551234567,Ann,yes,old\n", Order::default()).await;
    let find = async || house.engine.contacts.find_by_phone(house.tenant, "+15551234567").await.unwrap();
    let known = find().await;
    assert!(known.consent.opted_in);
    let testimony = engine::consent::Testimony::by_call(Some(domain::ApiKeyId(1)), None);
    house.engine.consent.opt_out(house.tenant, known.id, testimony).await.unwrap();
    let text = "phone,name,opted_in,tags\n+1 (555) 123-4567,Ann Lee,yes,new\n";
    let ended = import(&house, text, updating()).await;
    assert_eq!(counts(&ended), [1, 0, 1, 0, 0]);
    let now = find().await;
    assert_eq!((now.id, now.name.as_deref()), (known.id, Some("Ann Lee")));
    assert_eq!(now.tags, ["old", "new"]);
    assert!(!now.consent.opted_in, "no import lifts an opt-out");
}

async fn tried(house: &House, text: &str, order: Order) -> Vec<Result<Tried, String>> {
    let received = house.engine.imports.receive(bytes(text)).await.unwrap();
    let trial = house.engine.imports.try_out(house.tenant, &received, order).await.unwrap();
    trial.rows.into_iter().map(|row| row.outcome).collect()
}

#[tokio::test]
async fn a_dry_run_shows_contacts_as_the_import_leaves_them() {
    let house = House::build().await;
    let tags = (0..100).map(|number| format!("t{number}")).collect();
    let full = Order { options: Options { tags, ..Options::default() }, ..Order::default() };
    import(&house, "phone,name\n+15551234503,Cid\n", full).await;
    let text = "phone,name,opted_in,tags,city\n+15551234501,Ann,yes,old,Rome\n+15551234502,Bob,stop,,\n";
    import(&house, text, Order::default()).await;
    let text = "phone,opted_in,tags,zip\n+15551234501,no,new,1\n+15551234502,yes,,\n+15551234503,yes,more,\n\
                +15551234504,unsubscribed,,\n";
    let trial = tried(&house, text, updating()).await;
    let ann = trial[0].as_ref().unwrap();
    assert_eq!(
        (ann.name.as_deref(), &ann.tags[..]),
        (Some("Ann"), &["old".to_owned(), "new".to_owned()][..])
    );
    assert_eq!(serde_json::json!(ann.fields), serde_json::json!({"city": "Rome", "zip": "1"}));
    let consent = |row: &Tried| (row.is_update, row.opted_in, row.opts_out, row.consent_refused);
    assert_eq!(consent(ann), (true, false, true, false));
    assert_eq!(consent(trial[1].as_ref().unwrap()), (true, false, false, true));
    assert_eq!(trial[2], Err("The contact would have too many tags or fields".to_owned()));
    assert_eq!(consent(trial[3].as_ref().unwrap()), (false, false, true, false));
    // And so it comes.
    let ended = import(&house, text, updating()).await;
    assert_eq!((counts(&ended), ended.opted_out, ended.consent_refused), ([4, 1, 2, 0, 1], 2, 1));
    let notes = house.engine.imports.notes(house.tenant, ended.id).await.unwrap();
    assert_eq!(
        notes.iter().map(|note| (note.row, note.phone.as_str())).collect::<Vec<_>>(),
        [(3, "+15551234502")]
    );
}

#[tokio::test]
async fn a_dry_run_knows_of_the_no_of_somebody_who_was_erased() {
    let house = House::build().await;
    import(&house, "phone,opted_in\n+15551234501,stop\n+15551234502,yes\n", Order::default()).await;
    for number in ["+15551234501", "+15551234502"] {
        let gone = house.engine.contacts.find_by_phone(house.tenant, number).await.unwrap().id;
        house.engine.erasures.erase(house.tenant, gone, Duration::MAX).await.unwrap();
    }
    let text = "phone,opted_in\n+15551234501,yes\n+15551234502,yes\n+15551234503,yes\n";
    let trial = tried(&house, text, Order::default()).await;
    let consent = |row: &Result<Tried, String>| {
        let row = row.as_ref().unwrap();
        (row.is_update, row.opted_in, row.opts_out, row.consent_refused)
    };
    assert_eq!(
        trial.iter().map(consent).collect::<Vec<_>>(),
        [(false, false, false, true), (false, true, false, false), (false, true, false, false)]
    );
    // And so it comes.
    let ended = import(&house, text, Order::default()).await;
    assert_eq!((counts(&ended), ended.opted_out, ended.consent_refused), ([3, 3, 0, 0, 0], 0, 1));
}

#[tokio::test]
async fn an_opt_out_in_a_list_counts_whether_the_number_is_skipped_or_stood_there_before() {
    let house = House::build().await;
    let text = "phone,opted_in\n+15551234501,yes\n+15551234502,yes\n+15551234503,yes\n";
    import(&house, text, Order::default()).await;
    let find = async |number: &str| {
        house.engine.contacts.find_by_phone(house.tenant, number).await.unwrap().consent.explicitly_out()
    };
    let text = "phone,opted_in\n+15551234501,unsubscribed\n+15551234502,no\n";
    let ended = import(&house, text, Order::default()).await;
    assert_eq!((counts(&ended), ended.opted_out), ([2, 0, 0, 2, 0], 1));
    assert_eq!([find("+15551234501").await, find("+15551234502").await], [true, false]);
    let text = "phone,opted_in\n+15551234503,yes\n+15551234503,abgemeldet\n+15551234502,no\n";
    let ended = import(&house, text, updating()).await;
    assert_eq!((counts(&ended), ended.opted_out), ([3, 0, 2, 1, 0], 2));
    assert_eq!([find("+15551234502").await, find("+15551234503").await], [true, true]);
}

#[tokio::test]
async fn the_few_rows_at_fault_are_told_before_the_many_that_came_again() {
    let house = House::build().await;
    let rows: String = (0..1_100).map(|number| format!("+1555{:07}\n", 2_000_000 + number)).collect();
    let text = format!("phone\n{rows}+1555\n,\n");
    import(&house, &text, Order::default()).await;
    let again = import(&house, &text, Order::default()).await;
    assert_eq!(counts(&again), [1_101, 0, 0, 1_100, 1]);
    let details = house.engine.imports.details(house.tenant, again.id).await.unwrap();
    assert_eq!(details.len(), 1_000);
    let told: Vec<(u64, &str)> = details.iter().take(3).map(|one| (one.row, one.error.as_str())).collect();
    assert_eq!(told, [(1_102, "Invalid phone format"), (2, "Duplicate number"), (3, "Duplicate number")]);
}

#[tokio::test]
async fn what_is_cut_off_too_large_or_no_list_leaves_nothing() {
    let house = House::with(|settings, _| settings.import_max_bytes = 40).await;
    let imports = &house.engine.imports;
    let cut = stream::iter([Ok(Bytes::from_static(b"phone\n")), Err(std::io::Error::other("gone"))]);
    assert!(matches!(imports.receive(cut.boxed()).await, Err(ImportError::CutOff(_))));
    let large = imports.receive(bytes(&"+15551234567\n".repeat(4))).await;
    assert!(matches!(large, Err(ImportError::TooLarge { limit: 40 })));
    assert!(matches!(imports.receive(bytes("")).await, Err(ImportError::Invalid(_))));
    let garbage = imports.receive(bytes("\u{1}\u{2}\u{3}\u{0}\u{4}")).await.unwrap();
    let refused = imports.start(house.tenant, garbage, Order::default()).await;
    assert!(matches!(refused, Err(ImportError::Invalid(_))), "{refused:?}");
    assert_eq!(files(&house), 0);
    assert_eq!(imports.list(house.tenant, &page()).await.unwrap().total, 0);
}

#[tokio::test]
async fn an_import_whose_node_is_gone_goes_on_at_another() {
    let house = House::build().await;
    // Several batches.
    let rows: String = (0..6_000).map(|number| format!("+1555{:07}\n", 2_000_000 + number)).collect();
    let received = house.engine.imports.receive(bytes(&format!("phone\n{rows}"))).await.unwrap();
    let started = house.engine.imports.start(house.tenant, received, Order::default()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    // It stops at a batch, and lets go.
    house.engine.run(stop).await;
    let other = engine::Engine::new(house.deps.clone()).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (other, stop) = (other.clone(), stop.clone());
        async move { other.run(stop).await }
    });
    let ended = eventually("its end", || async {
        Some(other.imports.get(house.tenant, started.id).await.unwrap()).filter(|one| one.state.is_over())
    })
    .await;
    assert_eq!((ended.state, counts(&ended)), (ImportState::Completed, [6_000, 6_000, 0, 0, 0]));
    stop.cancel();
    running.await.unwrap();
    assert_eq!(files(&house), 0);
}

#[tokio::test]
async fn nobody_sees_or_stops_an_import_of_another_tenant() {
    let house = House::build().await;
    let ended = import(&house, "phone\n+15551234567\n", Order::default()).await;
    let (imports, stranger) = (&house.engine.imports, house.stranger().await);
    assert!(matches!(imports.get(stranger, ended.id).await, Err(ImportError::NotFound)));
    assert!(matches!(imports.cancel(stranger, ended.id).await, Err(ImportError::NotFound)));
    assert!(matches!(imports.errors_csv(stranger, ended.id, false).await, Err(ImportError::NotFound)));
    assert!(matches!(
        imports.cancel(house.tenant, ended.id).await,
        Err(ImportError::Over(ImportState::Completed))
    ));
    assert!(matches!(imports.cancel(house.tenant, ImportId(4711)).await, Err(ImportError::NotFound)));
}
