//! What a preview says is what becomes of it.

use bytes::Bytes;
use domain::broadcasts::reasons::LeftOut;
use domain::broadcasts::schedule::{Every, FrequencyCap, Late, QuietHours, Recurrence, Schedule, ThenQuiet};
use domain::broadcasts::{Plan, State};
use domain::{BroadcastId, SignedDuration};
use engine::broadcasts::{BroadcastError, CreateBroadcast, Preview};
use engine::media::Upload;
use engine::tenants::SettingsPatch;
use futures::StreamExt;
use jiff::tz::TimeZone;
use ports::broadcasts::ListRow;
use ports::contacts::ContactPatch;
use serde_json::json;

use super::press::Press;

impl Press {
    async fn called(&self, phone: &str, name: &str) {
        let id = self.contact(phone).await;
        let patch = ContactPatch { name: Some(Some(name.into())), ..ContactPatch::default() };
        self.deps.store.update_contact(self.tenant, id, patch, self.deps.clock.now()).await.unwrap();
    }

    /// Sent as it was previewed: the same recipients, and the same reasons for all others.
    async fn keeps_its_word(&self, id: BroadcastId, preview: &Preview) {
        self.engine.broadcasts.send(self.tenant, id).await.unwrap();
        self.becomes(id, State::Completed).await;
        self.quiet().await;
        let results = self.results(id).await.results;
        let (mut foretold, mut done) = (preview.left_out.clone(), results.left_out.clone());
        foretold.sort_unstable();
        done.sort_unstable();
        assert_eq!(foretold, done);
        assert_eq!((preview.recipients, 0), (results.counts.sent, results.counts.failed));
        assert_eq!(preview.meant, results.counts.sent + results.counts.left_out);
    }

    async fn listed(&self, plan: Plan, rows: Vec<ListRow>) -> (BroadcastId, Preview) {
        let mut plan = plan;
        plan.audience.list = true;
        let id = self.draft(plan.clone()).await;
        self.engine.broadcasts.replace_list(self.tenant, id, rows, Some("US".to_owned())).await.unwrap();
        (id, self.engine.broadcasts.preview(self.tenant, &plan, Some(id)).await.unwrap())
    }

    /// What is told of those left out, together.
    async fn why_left_out(&self, id: BroadcastId) -> String {
        let details = self.rows(id).await.into_iter().filter_map(|row| row.detail);
        details.collect::<Vec<_>>().join("; ")
    }

    async fn template(&self, template: serde_json::Value) {
        self.sim.put_template(&template).unwrap();
        self.engine.templates.sync(self.tenant, None).await.unwrap();
    }
}

fn row(row_number: i64, phone: &str, columns: serde_json::Value) -> ListRow {
    ListRow {
        row_number,
        given: phone.into(),
        phone: None,
        columns: columns.as_object().cloned().unwrap_or_default(),
    }
}

/// Around the present moment in this zone, so that it is quiet there and not half a day away.
pub(super) fn night_in(zone: &str, press: &Press, then: ThenQuiet) -> QuietHours {
    let there = TimeZone::get(zone).unwrap().to_datetime(press.deps.clock.now());
    let hour = |hours: i64| there.checked_add(SignedDuration::from_hours(hours)).unwrap().time();
    QuietHours { from: hour(-2), to: hour(2), then }
}

fn night_in_tokyo(press: &Press) -> QuietHours {
    night_in("Asia/Tokyo", press, ThenQuiet::LeaveOut)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reason_that_a_preview_tells_is_the_one_of_the_results() {
    let press = Press::open().await;
    let phone = |number: u32| format!("+1555300{number:04}");
    press.marketing().await;
    for number in 1..=3 {
        press.called(&phone(number), "Ann").await;
    }
    press.sim.set_customer(&phone(1), json!({"failure": 131_050, "failure_at": "once"})).unwrap();
    press.sim.set_customer(&phone(2), json!({"on_whatsapp": false})).unwrap();
    let first = press.start(press.plan()).await;
    press.becomes(first, State::Completed).await;
    press.quiet().await;
    press.sim.set_customer(&phone(1), json!({})).unwrap();
    press.called(&phone(4), "Ann").await;
    press.hears(&phone(4), "STOP").await;
    press.stranger_to_consent(&phone(5)).await;
    press.contact(&phone(6)).await;
    for (number, name) in
        [(7, "Ann\nLee"), (8, "Ann\tLee"), (9, "Ann     Lee"), (10, "Ann Lee"), (11, "Zo\u{eb} \u{5c71}")]
    {
        press.called(&phone(number), name).await;
    }
    let tokyo = "+819012345678";
    press.called(tokyo, "Ken").await;
    // Of those of whom nobody knows where they live.
    press.called("+883510001234", "Nemo").await;
    press
        .settings(SettingsPatch {
            frequency_cap: Some(Some(FrequencyCap { messages: 1, days: 7 })),
            quiet_hours: Some(Some(night_in_tokyo(&press))),
            ..SettingsPatch::default()
        })
        .await;
    let mut phones: Vec<String> = (1..=11).map(phone).collect();
    phones.extend(["12", "+15559999999", &phone(10), tokyo, "+883510001234"].map(str::to_owned));
    let rows = phones.iter().zip(2..).map(|(phone, number)| row(number, phone, json!({}))).collect();
    let plan = Plan { params: json!(["{{contact.name}}"]), ..press.plan() };
    let (id, preview) = press.listed(plan, rows).await;
    assert_eq!((preview.meant, preview.recipients), (16, 3), "{:?}", preview.left_out);
    let reasons: Vec<LeftOut> = preview.left_out.iter().map(|(reason, _)| *reason).collect();
    let every = LeftOut::ALL.iter().filter(|one| !matches!(one, LeftOut::TimePassed | LeftOut::Cancelled));
    assert_eq!(reasons, every.copied().collect::<Vec<_>>());
    assert!(preview.left_out.contains(&(LeftOut::InvalidParameter, 3)), "{:?}", preview.left_out);
    press.keeps_its_word(id, &preview).await;
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lives_nobody_knows_where_is_where_the_tenant_is_in_the_preview_and_afterwards() {
    let press = Press::open().await;
    press.called("+883510001234", "Nemo").await;
    press.called("+819012345678", "Ken").await;
    press.marketing().await;
    for (home, left_out) in [("Asia/Tokyo", 2), ("UTC", 1)] {
        press
            .settings(SettingsPatch {
                time_zone: Some(Some(home.into())),
                quiet_hours: Some(Some(night_in_tokyo(&press))),
                ..SettingsPatch::default()
            })
            .await;
        let preview = press.preview(&press.plan()).await;
        assert_eq!(preview.left_out, [(LeftOut::QuietHours, left_out)], "{home}");
        let id = press.draft(press.plan()).await;
        press.keeps_its_word(id, &preview).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_time_that_has_passed_for_some_is_told_and_the_plan_says_what_becomes_of_them() {
    let press = Press::open().await;
    let (nowhere, tokyo, new_york) = ("+883510001234", "+819012345678", "+12125550123");
    for phone in [nowhere, tokyo, new_york] {
        press.contact(phone).await;
    }
    let now = press.deps.clock.now();
    let at = TimeZone::UTC.to_datetime(now);
    let plan = |late| Plan { schedule: Schedule::Local { at, late }, ..press.plan() };
    let forecast = |preview: &Preview| preview.local.unwrap();
    let next_day = TimeZone::get("Asia/Tokyo").unwrap().to_timestamp(at.tomorrow().unwrap()).unwrap();

    let preview = press.preview(&plan(Late::LeaveOut)).await;
    let told = forecast(&preview);
    assert_eq!((told.passed, told.waiting), (1, 1), "{told:?}");
    assert_eq!((preview.recipients, preview.left_out.clone()), (2, vec![(LeftOut::TimePassed, 1)]));
    let left_out = press.start(plan(Late::LeaveOut)).await;

    let told = forecast(&press.preview(&plan(Late::Now)).await);
    assert_eq!((told.passed, told.late, told.waiting), (1, Late::Now, 1));
    let at_once = press.start(plan(Late::Now)).await;

    let told = forecast(&press.preview(&plan(Late::NextDay)).await);
    assert_eq!((told.passed, told.waiting, told.until), (1, 2, Some(next_day)));
    let later = press.start(plan(Late::NextDay)).await;

    press.counts(left_out, |counts| counts.sent == 1 && counts.pending == 1 && counts.left_out == 1).await;
    press.counts(at_once, |counts| counts.sent == 2 && counts.pending == 1).await;
    press.counts(later, |counts| counts.sent == 1 && counts.pending == 2).await;
    press.hours(6);
    press.becomes(left_out, State::Completed).await;
    press.becomes(at_once, State::Completed).await;
    assert_eq!(press.results(left_out).await.results.left_out, [(LeftOut::TimePassed, 1)]);
    press.counts(later, |counts| counts.sent == 2 && counts.pending == 1).await;
    press.hours(10);
    press.becomes(later, State::Completed).await;
    press.counts_equal_rows(left_out).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_each_row_is_judged_in_each_row() {
    let press = Press::open().await;
    let phones = press.contacts(3).await;
    press
        .template(json!({
            "name": "look",
            "components": [
                {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://example.com/a.png"]}},
                {"type": "BODY", "text": "Look at this."},
            ],
        }))
        .await;
    let look = |header: serde_json::Value| {
        let mut plan = press.plan();
        plan.template.name = "look".into();
        plan.params = json!({ "header": { "image": header } });
        plan
    };
    let rows = |columns: [&str; 3]| {
        let rows = phones.iter().zip(columns).zip(2..);
        rows.map(|((phone, url), number)| row(number, phone, json!({ "of": url }))).collect::<Vec<_>>()
    };
    let links = rows(["https://example.com/1.png", "ftp://example.com/2.png", ""]);
    let (id, preview) = press.listed(look(json!({"link": "{{row.of}}"})), links).await;
    let expected = vec![(LeftOut::MissingParameter, 1), (LeftOut::InvalidParameter, 1)];
    assert_eq!((preview.recipients, preview.left_out.clone()), (1, expected));
    press.keeps_its_word(id, &preview).await;
    // Files of ours may come from a column too: they must be there, and be pictures.
    let [picture, paper] = [("image/png", b"\x89PNG\r\n\x1a\n" as &[u8]), ("application/pdf", b"%PDF-1.7")]
        .map(|(mime_type, bytes)| {
            let file = Upload { connection_id: None, mime_type: mime_type.into(), filename: None };
            let bytes = futures::stream::iter([Ok(Bytes::from_static(bytes))]).boxed();
            press.engine.media.upload(press.tenant, file, bytes)
        });
    let picture = picture.await.unwrap().media.id.to_string();
    let paper = paper.await.unwrap().media.id.to_string();
    for (files, left_out) in [
        (["two", &picture, ""], vec![(LeftOut::MissingParameter, 1), (LeftOut::InvalidParameter, 1)]),
        ([&paper, &picture, "4711"], vec![(LeftOut::InvalidParameter, 2)]),
    ] {
        let (id, preview) = press.listed(look(json!({"media_id": "{{row.of}}"})), rows(files)).await;
        assert_eq!((preview.recipients, preview.left_out.clone()), (1, left_out), "{files:?}");
        press.keeps_its_word(id, &preview).await;
        let why = press.why_left_out(id).await;
        assert_eq!(why.contains("there is no file 4711"), files.contains(&"4711"), "{why}");
    }
    // One that the plan itself names must be there.
    let new = CreateBroadcast { name: "x".into(), plan: look(json!({"media_id": 4711})), created_by: None };
    let refused = press.engine.broadcasts.create(press.tenant, new).await.unwrap_err();
    let BroadcastError::Faults(faults) = refused else { panic!("{refused:?}") };
    let faults: Vec<_> =
        faults.iter().map(|fault| (fault.pointer.as_str(), fault.problem.as_str())).collect();
    assert_eq!(faults, [("/template_params/header/image/media_id", "there is no such file")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_that_cannot_be_sent_is_in_nobodys_way_and_a_misfit_names_its_language() {
    let press = Press::open().await;
    press.contacts(2).await;
    press
        .template(json!({
            "name": "note", "language": "fr", "status": "REJECTED",
            "components": [{"type": "BODY", "text": "Bonjour {{1}} et {{2}} !", "example": {"body_text": [["a", "b"]]}}],
        }))
        .await;
    let preview = press.preview(&press.plan()).await;
    assert_eq!((preview.recipients, preview.warnings.clone()), (2, Vec::new()));
    press
        .template(json!({
            "name": "note", "language": "es",
            "components": [{"type": "BODY", "text": "Hola {{1}} y {{2}}.", "example": {"body_text": [["a", "b"]]}}],
        }))
        .await;
    let refused = press.engine.broadcasts.preview(press.tenant, &press.plan(), None).await.unwrap_err();
    let BroadcastError::ParamsMismatch { mismatch, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(mismatch.problems, ["es: missing: 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_warns_of_what_would_come_to_nothing() {
    let press = Press::open().await;
    let warned = async |plan: &Plan, of: &str| {
        let preview = press.preview(plan).await;
        assert!(preview.warnings.iter().any(|warning| warning.contains(of)), "{of}: {:?}", preview.warnings);
        preview
    };
    warned(&press.plan(), "audience is empty").await;
    let phones = press.contacts(2).await;
    let of_row = Plan { params: json!(["{{row.coupon}}"]), ..press.plan() };
    warned(&of_row, "{{row.coupon}} is empty for everybody: the audience is no list").await;
    let of_field = Plan { params: json!(["{{contact.fields.city}}"]), ..press.plan() };
    let preview = warned(&of_field, "{{contact.fields.city}} is empty for everybody").await;
    assert_eq!(preview.recipients, 0);
    let rows = vec![row(2, &phones[0], json!({"code": "A", "name": "B"}))];
    let (_, preview) = press.listed(of_row, rows).await;
    let expected = "{{row.coupon}} is empty for everybody: the list has no such column; it has code, name";
    assert!(preview.warnings.contains(&expected.to_owned()), "{:?}", preview.warnings);
    let now = press.deps.clock.now();
    let days_ago = |days: i64| TimeZone::UTC.to_datetime(now - SignedDuration::from_hours(24 * days));
    let (first, until) = (days_ago(9), Some(days_ago(3)));
    let recurrence = Recurrence { every: Every::Day, interval: 1, first, time_zone: None, until };
    for (schedule, refusal) in [
        (Schedule::At { at: now }, "/schedule/send_at must lie in the future"),
        (
            Schedule::Local { at: days_ago(3), late: Late::default() },
            "/schedule/local lies in the past everywhere on earth",
        ),
        (Schedule::Recurring { recurrence }, "/schedule/recurrence/until leaves no turn in the future"),
    ] {
        let plan = Plan { schedule, ..press.plan() };
        warned(&plan, refusal).await;
        let id = press.draft(plan).await;
        let refused = press.engine.broadcasts.send(press.tenant, id).await;
        let Err(BroadcastError::Faults(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(format!("{} {}", faults[0].pointer, faults[0].problem), refusal);
    }
    press.engine.connections.disable(press.tenant, press.connection.id).await.unwrap();
    let preview = warned(&press.plan(), "No number of it sends now").await;
    assert_eq!((preview.per_second, preview.seconds_to_finish), (None, None));
}
