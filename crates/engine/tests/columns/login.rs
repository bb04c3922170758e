//! Accounts: coming in, guesses, second factor, links, sessions.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::access::permissions::{Permission, Permissions};
use domain::access::roles::{MemberState, Role};
use domain::{SignedDuration, TenantId};
use engine::access::{Accept, Bearer, Client, Delivery, Invitation, Invite, LoginError, Proof, Second};
use engine::{Deps, Engine};
use ports::access::EventFilter;
use ports::access::members::{GivenRole, Member, MemberPatch};
use ports::mail::{Mail, MailError, Mailer};
use secrecy::ExposeSecret;

use crate::house::{House, eventually, page};

const PASSWORD: &str = "correct horse battery";

fn client(address: &str) -> Client {
    Client { address: Some(address.parse().unwrap()), user_agent: Some("Browser".into()) }
}

fn here() -> Client {
    client("198.51.100.7")
}

fn proof(password: &str) -> Proof {
    Proof { password: password.into(), second: None }
}

fn with_code(code: &str) -> Proof {
    Proof { second: Some(Second::Code(code.into())), ..proof(PASSWORD) }
}

fn token_of(link: &str) -> String {
    link.split_once("#token=").expect("a token").1.to_owned()
}

fn token(invitation: &Invitation) -> String {
    let Delivery::Link(link) = &invitation.delivery else { panic!("a link to hand over") };
    token_of(link)
}

fn accept(token: &str, password: &str) -> Accept {
    Accept { token: token.into(), name: None, password: password.into(), second: None }
}

async fn invite(house: &House, tenant: TenantId, email: &str, role: Role) -> Invitation {
    let wanted = Invite { email: email.into(), name: None, role: GivenRole::BuiltIn(role) };
    house.engine.access.invite(tenant, wanted, Permissions::all(), Bearer::Hand).await.unwrap()
}

async fn join(house: &House, tenant: TenantId, email: &str, role: Role) -> Member {
    let invitation = invite(house, tenant, email, role).await;
    house.engine.access.accept(accept(&token(&invitation), PASSWORD), &here()).await.unwrap()
}

/// The code of an app at this moment, computed by what the RFC says and nothing of ours.
fn code_now(secret: &str, house: &House) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = secret
        .bytes()
        .map(|letter| format!("{:05b}", letters.iter().position(|known| *known == letter).unwrap()))
        .collect();
    let bytes: Vec<u8> = (0..bits.len() / 8)
        .map(|byte| u8::from_str_radix(&bits[byte * 8..byte * 8 + 8], 2).unwrap())
        .collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let step = house.deps.clock.now().as_second() / 30;
    let mac = aws_lc_rs::hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let offset = usize::from(mac[19] & 15);
    let number = mac[offset..offset + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

#[tokio::test]
async fn an_invitation_is_accepted_once_and_lets_its_member_in() {
    let house = House::build().await;
    let access = &house.engine.access;
    let invitation = invite(&house, house.tenant, "Ada@Example.com", Role::Owner).await;
    let early = access.login("ada@example.com", &proof(PASSWORD), &here()).await;
    assert!(matches!(early, Err(LoginError::Refused)));
    let weak = access.accept(accept(&token(&invitation), "short"), &here()).await;
    assert!(matches!(weak, Err(LoginError::Invalid(_))), "and the link is still good");
    let member = access.accept(accept(&token(&invitation), PASSWORD), &here()).await.unwrap();
    assert_eq!(member.state, MemberState::Active);
    let again = access.accept(accept(&token(&invitation), PASSWORD), &here()).await;
    assert!(matches!(again, Err(LoginError::LinkNotValid)));
    let (account, opened) = access.login(" ADA@example.com ", &proof(PASSWORD), &here()).await.unwrap();
    assert_eq!(account.memberships[0].tenant_id, house.tenant);
    let signed_in = access.session(opened.token.expose_secret()).await.unwrap().expect("a session");
    let known = signed_in.at(house.tenant, None).expect("a member");
    assert!(known.may(Permission::OwnersManage) && known.member_id() == Some(member.id));
    assert!(signed_in.at(house.stranger().await, None).is_none());
    let late = invite(&house, house.tenant, "late@example.com", Role::Agent).await;
    house.advance(7 * 24);
    let late = access.accept(accept(&token(&late), PASSWORD), &here()).await;
    assert!(matches!(late, Err(LoginError::LinkNotValid)));
}

#[tokio::test]
async fn an_invitation_read_by_others_opens_no_account_that_is_there_already() {
    let house = House::build().await;
    let (access, stranger) = (&house.engine.access, house.stranger().await);
    join(&house, house.tenant, "ada@example.com", Role::Owner).await;
    let invitation = invite(&house, stranger, "ada@example.com", Role::Agent).await;
    let stolen = access.accept(accept(&token(&invitation), "a password of the thief"), &here()).await;
    assert!(matches!(stolen, Err(LoginError::Refused)), "{stolen:?}");
    access.accept(accept(&token(&invitation), PASSWORD), &here()).await.unwrap();
    let (account, _) = access.login("ada@example.com", &proof(PASSWORD), &here()).await.unwrap();
    assert_eq!(account.memberships.len(), 2);
}

#[tokio::test]
async fn a_hundred_thousand_guesses_get_nowhere_and_are_told_of_once() {
    let house = House::build().await;
    let access = &house.engine.access;
    let _running = House::run(|stop| access.clone().run(stop));
    join(&house, house.tenant, "ada@example.com", Role::Owner).await;
    let (mut looked_at, mut refused) = (0, 0);
    for guess in 0..100_000_u32 {
        // From all over the world, so that only the account itself can be throttled.
        let from = client(&std::net::Ipv4Addr::from(guess.wrapping_mul(2_654_435_761)).to_string());
        match access.login("ada@example.com", &proof("a wrong password"), &from).await {
            Err(LoginError::Refused) => looked_at += 1,
            Err(LoginError::Throttled { seconds }) => {
                assert!((1..=901).contains(&seconds));
                refused += 1;
            }
            Ok(_) => panic!("a wrong password opened the door"),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(looked_at <= 10, "{looked_at} were hashed");
    assert_eq!(looked_at + refused, 100_000);
    let right = access.login("ada@example.com", &proof(PASSWORD), &here()).await;
    assert!(matches!(right, Err(LoginError::Throttled { .. })), "a right one is refused alike");
    let alert = eventually("the alert", || async {
        house.alerts(Some(true)).await.into_iter().find(|alert| alert.kind == "login_throttled")
    })
    .await;
    assert_eq!(house.alerts(None).await.len(), 1, "{alert:?}");
    let filter = EventFilter { kind: Some("login_failed".into()), ..EventFilter::default() };
    let events = access.security_events(house.tenant, &filter, &page()).await.unwrap();
    assert!(events.total > 0);
    house.clock.advance(SignedDuration::from_mins(16));
    access.login("ada@example.com", &proof(PASSWORD), &here()).await.expect("time unlocks it");
}

#[tokio::test]
async fn one_address_cannot_guess_at_many_accounts_and_an_unknown_one_is_throttled_alike() {
    let house = House::build().await;
    let access = &house.engine.access;
    let mut outcomes = Vec::new();
    for guess in 0..40 {
        let email = format!("nobody{guess}@example.com");
        outcomes.push(access.login(&email, &proof("a wrong password"), &here()).await.map(|_| ()));
    }
    assert!(outcomes[..30].iter().all(|one| matches!(one, Err(LoginError::Refused))));
    assert!(outcomes[32..].iter().all(|one| matches!(one, Err(LoginError::Throttled { .. }))));
    let (wrong, from) = (proof("a wrong password"), client("192.0.2.1"));
    let elsewhere = access.login("nobody0@example.com", &wrong, &from).await;
    assert!(matches!(elsewhere, Err(LoginError::Refused)));
    for _ in 0..8 {
        let one = client("192.0.2.2");
        outcomes.push(access.login("nobody@example.com", &proof("a wrong password"), &one).await.map(|_| ()));
    }
    assert!(matches!(outcomes.last(), Some(Err(LoginError::Throttled { .. }))), "there is no such account");
}

#[tokio::test]
async fn a_code_opens_once_and_a_recovery_code_once() {
    let house = House::build().await;
    let access = &house.engine.access;
    let account = join(&house, house.tenant, "ada@example.com", Role::Owner).await.account_id;
    let secret = access.enroll_totp(account, PASSWORD.into(), &here()).await.unwrap().secret;
    let secret = secret.expose_secret();
    access.login("ada@example.com", &proof(PASSWORD), &here()).await.expect("not asked for yet");
    let wrong = access.confirm_totp(account, "000000").await;
    assert!(matches!(wrong, Err(LoginError::Refused)));
    let codes = access.confirm_totp(account, &code_now(secret, &house)).await.unwrap();
    assert_eq!(codes.len(), 10);

    let without = access.login("ada@example.com", &proof(PASSWORD), &here()).await;
    assert!(matches!(without, Err(LoginError::SecondFactorNeeded)));
    let used = code_now(secret, &house);
    let replayed = access.login("ada@example.com", &with_code(&used), &here()).await;
    assert!(matches!(replayed, Err(LoginError::Refused)), "it confirmed the second factor");
    house.clock.advance(SignedDuration::from_secs(60));
    let code = code_now(secret, &house);
    access.login("ada@example.com", &with_code(&code), &here()).await.unwrap();
    let replayed = access.login("ada@example.com", &with_code(&code), &here()).await;
    assert!(matches!(replayed, Err(LoginError::Refused)));

    let recovery = |code: &str| Proof { second: Some(Second::Recovery(code.into())), ..proof(PASSWORD) };
    access.login("ada@example.com", &recovery(&codes[3]), &here()).await.unwrap();
    let again = access.login("ada@example.com", &recovery(&codes[3]), &here()).await;
    assert!(matches!(again, Err(LoginError::Refused)));
    let others = access.new_recovery_codes(account, &recovery(&codes[4]), &here()).await.unwrap();
    let old = access.login("ada@example.com", &recovery(&codes[5]), &here()).await;
    assert!(matches!(old, Err(LoginError::Refused)));
    let off = access.disable_totp(account, &proof(PASSWORD), &here()).await;
    assert!(matches!(off, Err(LoginError::SecondFactorNeeded)), "a session alone does not take it away");
    access.disable_totp(account, &recovery(&others[0]), &here()).await.unwrap();
    access.login("ada@example.com", &proof(PASSWORD), &here()).await.unwrap();
}

#[tokio::test]
async fn a_session_ends_when_it_rests_too_long_and_after_its_last_day_however_busy() {
    let house = House::build().await;
    let access = &house.engine.access;
    let _running = House::run(|stop| access.clone().run(stop));
    let account = join(&house, house.tenant, "ada@example.com", Role::Owner).await.account_id;
    let login =
        || async { access.login("ada@example.com", &proof(PASSWORD), &here()).await.unwrap().1.token };
    let resting = login().await;
    house.advance(12);
    assert_eq!(access.session(resting.expose_secret()).await.unwrap(), None);
    assert!(access.sessions(account).await.unwrap().is_empty());

    let busy = login().await;
    house.advance(1);
    let now = house.deps.clock.now();
    assert!(access.session(busy.expose_secret()).await.unwrap().is_some());
    let noted = eventually("its use is noted", || async {
        access.sessions(account).await.unwrap().pop().filter(|one| one.last_used_at >= now)
    })
    .await;
    for _ in 0..33 {
        house.advance(10);
        assert!(access.session(busy.expose_secret()).await.unwrap().is_some());
        // What is done once a second otherwise.
        house.deps.store.touch_sessions(vec![(noted.id, house.deps.clock.now())]).await.unwrap();
    }
    house.advance(10);
    assert_eq!(access.session(busy.expose_secret()).await.unwrap(), None, "14 days are over");
}

#[tokio::test]
async fn who_is_disabled_or_ends_a_session_is_out_at_once() {
    let house = House::build().await;
    let access = &house.engine.access;
    join(&house, house.tenant, "boss@example.com", Role::Owner).await;
    let member = join(&house, house.tenant, "ada@example.com", Role::Agent).await;
    let (_, one) = access.login("ada@example.com", &proof(PASSWORD), &here()).await.unwrap();
    let (_, two) = access.login("ada@example.com", &proof(PASSWORD), &here()).await.unwrap();
    let alive = |token: secrecy::SecretString| async move {
        access.session(token.expose_secret()).await.unwrap().is_some()
    };
    assert!(alive(one.token.clone()).await && alive(two.token.clone()).await);
    access.end_session(member.account_id, one.session.id).await.unwrap();
    assert!(!alive(one.token.clone()).await && alive(two.token.clone()).await);
    let disabled = MemberPatch { state: Some(MemberState::Disabled), ..MemberPatch::default() };
    access.change_member(house.tenant, member.id, disabled, Permissions::all()).await.unwrap();
    assert!(!alive(two.token.clone()).await);
    let refused = access.login("ada@example.com", &proof(PASSWORD), &here()).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
}

/// Keeps letters.
#[derive(Default)]
struct Letters(Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for Letters {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        self.0.lock().unwrap().push(mail);
        Ok(())
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_a_letter_once() {
    let house = House::build().await;
    join(&house, house.tenant, "ada@example.com", Role::Owner).await;
    let letters = Arc::new(Letters::default());
    let deps = Deps { mailer: letters.clone(), ..house.deps.clone() };
    let engine = Engine::new(deps).await.unwrap();
    let access = &engine.access;
    let (_, open) = access.login("ada@example.com", &proof(PASSWORD), &here()).await.unwrap();
    access.forgot_password("nobody@example.com", &here()).await.expect("the same answer");
    access.forgot_password("ada@example.com", &here()).await.unwrap();
    let letter = eventually("the letter", || async { letters.0.lock().unwrap().pop() }).await;
    assert_eq!(letter.to, "ada@example.com");
    let token = letter.text.lines().find(|line| line.contains("#token=")).map(token_of).unwrap();
    let weak = access.reset_password(&token, &"aaaaaaaaaaaaaa".into()).await;
    assert!(matches!(weak, Err(LoginError::Invalid(_))));
    access.reset_password(&token, &"another good password".into()).await.unwrap();
    let again = access.reset_password(&token, &"another good password".into()).await;
    assert!(matches!(again, Err(LoginError::LinkNotValid)));
    assert_eq!(access.session(open.token.expose_secret()).await.unwrap(), None, "sessions end");
    let old = access.login("ada@example.com", &proof(PASSWORD), &here()).await;
    assert!(matches!(old, Err(LoginError::Refused)));
    access.login("ada@example.com", &proof("another good password"), &here()).await.unwrap();
    for _ in 0..10 {
        access.forgot_password("ada@example.com", &here()).await.unwrap();
    }
    let invited =
        Invite { email: "new@example.com".into(), name: None, role: GivenRole::BuiltIn(Role::Agent) };
    let invited = access.invite(house.tenant, invited, Permissions::all(), Bearer::Mail).await.unwrap();
    assert_eq!(invited.delivery, Delivery::Mailed);
    let sent = letters.0.lock().unwrap().clone();
    assert!(sent.len() <= 4, "{} letters: nobody is flooded", sent.len());
    assert!(sent.iter().any(|mail| mail.to == "new@example.com" && mail.text.contains("#token=wxl_")));
}
