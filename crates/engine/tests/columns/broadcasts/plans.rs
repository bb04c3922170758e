//! What a plan says, and what is wrong with it.

use domain::broadcasts::reasons::LeftOut;
use domain::broadcasts::{Plan, State};
use domain::{BroadcastId, ConnectionId};
use engine::broadcasts::rates::RateCard;
use engine::broadcasts::{BroadcastError, CreateBroadcast, Rendered};
use ports::broadcasts::ListRow;
use ports::contacts::ContactPatch;
use serde_json::json;

use super::press::Press;

impl Press {
    async fn refused(&self, name: &str, plan: Plan) -> BroadcastError {
        let new = CreateBroadcast { name: name.into(), plan, created_by: None };
        self.engine.broadcasts.create(self.tenant, new).await.unwrap_err()
    }

    async fn named(&self, phone: &str, name: &str, language: &str) {
        let id = self.contact(phone).await;
        let patch = ContactPatch {
            name: Some(Some(name.into())),
            language: Some(Some(language.into())),
            ..ContactPatch::default()
        };
        self.deps.store.update_contact(self.tenant, id, patch, self.deps.clock.now()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_with_a_plan_is_told_at_once() {
    let press = Press::open().await;
    let mut plan = press.plan();
    plan.params = json!(["{{contact.nam}}", "{{row}}"]);
    plan.breaker.failure_share = 2.0;
    plan.connections = vec![press.connection.id; 2];
    let BroadcastError::Faults(faults) = press.refused(" ", plan).await else { panic!("no faults") };
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    let expected =
        ["/name", "/template_params/0", "/template_params/1", "/connection_ids/1", "/breaker/failure_share"];
    assert_eq!(pointers, expected);
    let mut plan = press.plan();
    plan.template.name = "nothing".into();
    assert!(matches!(press.refused("x", plan).await, BroadcastError::TemplateNotFound { .. }));
    let mut plan = press.plan();
    plan.params = json!(["a", "b"]);
    let BroadcastError::ParamsMismatch { mismatch, .. } = press.refused("x", plan).await else { panic!() };
    assert_eq!((mismatch.expected_params, mismatch.provided_params), (1, 2));
    let plan = Plan { connections: vec![ConnectionId(4711)], ..press.plan() };
    assert!(matches!(press.refused("x", plan).await, BroadcastError::ConnectionNotFound(ConnectionId(4711))));
    let nobody = press.engine.broadcasts.send(press.tenant, BroadcastId(4711)).await;
    assert!(matches!(nobody, Err(BroadcastError::NotFound)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_may_wait_for_its_template_but_is_not_sent_before() {
    let press = Press::open().await;
    press.contacts(3).await;
    let waiting = json!({
        "name": "waiting", "status": "PENDING", "components": [{"type": "BODY", "text": "All of you."}],
    });
    press.sim.put_template(&waiting).unwrap();
    press.engine.templates.sync(press.tenant, None).await.unwrap();
    let mut plan = press.plan();
    plan.template.name = "waiting".into();
    plan.params = json!([]);
    let preview = press.preview(&plan).await;
    assert_eq!((preview.recipients, preview.warnings.len()), (3, 1), "{:?}", preview.warnings);
    let id = press.draft(plan).await;
    let refused = press.engine.broadcasts.send(press.tenant, id).await;
    assert!(matches!(refused, Err(BroadcastError::TemplateNotApproved { .. })), "{refused:?}");
    assert_eq!(press.broadcast(id).await.state, State::Draft);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_the_own_language_and_the_own_name_and_samples_show_it() {
    let press = Press::open().await;
    let spanish = json!({
        "name": "note", "language": "es_MX",
        "components": [{"type": "BODY", "text": "Hola {{1}}, hay novedades.", "example": {"body_text": [["Ann"]]}}],
    });
    press.sim.put_template(&spanish).unwrap();
    press.engine.templates.sync(press.tenant, None).await.unwrap();
    press.named("+15551230001", "Ana", "es").await;
    press.named("+15551230002", "Bob", "fr").await;
    press.contact("+15551230003").await;
    let mut plan = press.plan();
    plan.params = json!(["{{contact.name}}"]);
    plan.template.fallback = vec!["en".into()];
    let preview = press.preview(&plan).await;
    assert_eq!((preview.meant, preview.recipients), (3, 2));
    assert_eq!(preview.left_out, [(LeftOut::MissingParameter, 1)]);
    let mut shown: Vec<String> = preview
        .samples
        .iter()
        .map(|sample| match &sample.rendered {
            Rendered::Message(message) => message.body.clone(),
            Rendered::Nothing { reason, .. } => reason.as_str().to_owned(),
        })
        .collect();
    shown.sort_unstable();
    assert_eq!(shown, ["Hello Bob, there is news for you.", "Hola Ana, hay novedades."]);
    let id = press.start(plan).await;
    press.becomes(id, State::Completed).await;
    let ledger = press.sim.ledger(0);
    let languages: Vec<String> = ledger
        .iter()
        .map(|entry| {
            format!("{} {}", entry.to.trim_start_matches('+'), body(entry)["template"]["language"]["code"])
        })
        .collect();
    assert!(languages.contains(&"15551230001 \"es_MX\"".to_owned()), "{languages:?}");
    assert!(languages.contains(&"15551230002 \"en_US\"".to_owned()), "{languages:?}");
    assert_eq!(languages.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_list_bring_their_own_words_and_reasons() {
    let press = Press::open().await;
    press.contacts(3).await;
    let mut plan = press.plan();
    plan.params = json!(["{{row.coupon}}"]);
    plan.audience.list = true;
    let id = press.draft(plan).await;
    let row = |row_number, given: &str, coupon: &str| ListRow {
        row_number,
        given: given.into(),
        phone: None,
        columns: json!({"coupon": coupon}).as_object().cloned().unwrap(),
    };
    let rows = vec![
        row(2, "555 200 0000", "A1"),
        row(3, "+15552000001", "A2"),
        row(4, "+15552000001", "A3"),
        row(5, "12", "A4"),
        row(6, "+15559999999", "A5"),
        row(7, "+15552000002", ""),
    ];
    press.engine.broadcasts.replace_list(press.tenant, id, rows, Some("US".into())).await.unwrap();
    let size = press.engine.broadcasts.list_size(press.tenant, id).await.unwrap();
    assert_eq!((size.rows, size.with_number), (6, 5));
    press.engine.broadcasts.send(press.tenant, id).await.unwrap();
    press.becomes(id, State::Completed).await;
    let mut left_out = press.results(id).await.results.left_out;
    left_out.sort_unstable();
    assert_eq!(
        left_out,
        [
            (LeftOut::InvalidNumber, 1),
            (LeftOut::UnknownContact, 1),
            (LeftOut::Duplicate, 1),
            (LeftOut::MissingParameter, 1)
        ]
    );
    let ledger = press.sim.ledger(0);
    let mut words: Vec<String> = ledger
        .iter()
        .map(|entry| body(entry)["template"]["components"][0]["parameters"][0]["text"].to_string())
        .collect();
    words.sort_unstable();
    assert_eq!(words, ["\"A1\"", "\"A2\""]);
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_tells_time_and_cost() {
    let card = "market,currency,utility\nNorth America,USD,0.5\nDE,EUR,0.25\n";
    let card = RateCard::parse(card).unwrap();
    let press = Press::with(80, |settings, _| settings.rate_card = Some(std::sync::Arc::new(card))).await;
    press.contacts(160).await;
    for phone in
        ["+491701234567", "+491701234568", "+491701234569", "+12125550123", "+14165550123", "+33612345678"]
    {
        press.contact(phone).await;
    }
    let preview = press.preview(&press.plan()).await;
    assert_eq!(
        (preview.recipients, preview.per_second, preview.seconds_to_finish),
        (166, Some(80.0), Some(3))
    );
    let mut cost = preview.cost.unwrap();
    cost.totals.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(cost.totals, [("EUR".to_owned(), 0.75), ("USD".to_owned(), 81.0)]);
    let mut countries: Vec<_> = cost
        .countries
        .iter()
        .map(|one| (one.country.as_str(), one.recipients, one.each, one.total))
        .collect();
    countries.sort_by_key(|one| one.0);
    assert_eq!(countries, [("CA", 1, 0.5, 0.5), ("DE", 3, 0.25, 0.75), ("US", 161, 0.5, 80.5)]);
    assert_eq!(cost.unpriced, 1, "the card has no price for France");
    assert_eq!(preview.messaging_limit.map(|limit| (limit.limit, limit.overflow)), Some((100_000, 0)));
    assert_eq!(preview.languages, [("en_US".to_owned(), 166)]);
    assert_eq!(preview.samples.len(), 5);
}

/// What Meta was sent.
fn body(entry: &simulator::LedgerEntry) -> serde_json::Value {
    serde_json::from_str(entry.body.as_ref().unwrap().get()).unwrap()
}
