//! Members and roles.

use domain::access::permissions::{Permission, Permissions};
use domain::access::roles::{MemberState, Role};
use domain::{AccountId, MemberId, RoleId, TenantId};
use ports::access::accounts::{AccountStore, NewSession};
use ports::access::members::{
    ChangedMember, ChangedRole, GivenRole, Invited, Member, MemberPatch, MemberStore, NewLink, NewMember,
};
use secrecy::SecretString;

use crate::samples::at_once;
use crate::support::{Bench, at};

on_each_engine!(
    somebody_invited_is_a_member_once_the_link_is_used,
    an_address_is_a_member_of_a_tenant_once_and_of_another_too,
    another_invitation_ends_the_first_link,
    nobody_gives_or_takes_more_than_they_have,
    a_tenant_keeps_its_last_owner,
    two_who_remove_the_last_two_owners_do_not_both_succeed,
    with_the_last_membership_goes_the_account,
    a_role_is_what_its_members_may_do_and_cannot_go_while_somebody_has_it,
    members_and_roles_are_their_tenants,
);

pub(super) fn link(seed: u8) -> NewLink {
    NewLink { hash: [seed; 32], expires_at: at(1_000) }
}

pub(super) fn new(email: &str, role: Role, seed: u8) -> NewMember {
    NewMember {
        email: email.parse().unwrap(),
        name: Some("Ada".into()),
        role: GivenRole::BuiltIn(role),
        link: link(seed),
        at: at(0),
    }
}

pub(super) async fn invite(bench: &Bench, tenant: TenantId, new: NewMember) -> Member {
    match bench.store.invite_member(tenant, new, Permissions::all()).await.unwrap() {
        Invited::Invited(member) => member,
        other => panic!("{other:?}"),
    }
}

/// Invited and in.
pub(crate) async fn join(bench: &Bench, tenant: TenantId, email: &str, role: Role, seed: u8) -> Member {
    invite(bench, tenant, new(email, role, seed)).await;
    let password = SecretString::from("$argon2id$kept");
    let invitation = bench.store.open_invitation(&[seed; 32], at(1)).await.unwrap().expect("open");
    let password = (!invitation.has_password).then_some(&password);
    bench.store.accept_invitation(&[seed; 32], None, password, at(1)).await.unwrap().expect("joined")
}

fn owner() -> Option<GivenRole> {
    Some(GivenRole::BuiltIn(Role::Owner))
}

async fn change(bench: &Bench, tenant: TenantId, member: MemberId, patch: MemberPatch) -> ChangedMember {
    bench.store.change_member(tenant, member, patch, Permissions::all()).await.unwrap()
}

async fn somebody_invited_is_a_member_once_the_link_is_used(bench: Bench) {
    let tenant = bench.tenant().await;
    let invited = invite(&bench, tenant, new("Ada@Example.com", Role::Agent, 1)).await;
    assert_eq!((invited.email.as_str(), invited.state), ("ada@example.com", MemberState::Invited));
    assert_eq!((invited.invited_until, invited.joined_at), (Some(at(1_000)), None));
    assert_eq!(invited.permissions, Role::Agent.permissions());
    let store = &bench.store;
    assert!(store.open_invitation(&[2; 32], at(1)).await.unwrap().is_none());
    assert!(store.open_invitation(&[1; 32], at(1_000)).await.unwrap().is_none(), "too old");
    let open = store.open_invitation(&[1; 32], at(999)).await.unwrap().unwrap();
    assert_eq!((open.member.id, open.tenant_name.as_str(), open.has_password), (invited.id, "Acme", false));
    let password = SecretString::from("$argon2id$kept");
    assert_eq!(store.accept_invitation(&[1; 32], None, None, at(2)).await.unwrap(), None, "no password");
    let joined = store.accept_invitation(&[1; 32], Some("Ada L."), Some(&password), at(2)).await.unwrap();
    let joined = joined.expect("joined");
    assert_eq!((joined.state, joined.joined_at), (MemberState::Active, Some(at(2))));
    assert_eq!((joined.name.as_deref(), joined.invited_until), (Some("Ada L."), None));
    assert_eq!(store.accept_invitation(&[1; 32], None, Some(&password), at(3)).await.unwrap(), None, "used");
    assert_eq!(store.member(tenant, joined.id).await.unwrap(), Some(joined.clone()));
    let email = "ada@example.com".parse().unwrap();
    assert_eq!(store.member_by_email(tenant, &email).await.unwrap(), Some(joined));
}

async fn an_address_is_a_member_of_a_tenant_once_and_of_another_too(bench: Bench) {
    let (first, second) = (bench.tenant().await, bench.tenant().await);
    let member = join(&bench, first, "ada@example.com", Role::Owner, 1).await;
    let again = bench.store.invite_member(first, new("ada@example.com", Role::Agent, 2), Permissions::all());
    assert_eq!(again.await.unwrap(), Invited::Exists(member.id));
    let other = invite(&bench, second, new("ada@example.com", Role::Agent, 3)).await;
    assert_eq!(other.account_id, member.account_id);
    let open = bench.store.open_invitation(&[3; 32], at(1)).await.unwrap().unwrap();
    assert!(open.has_password);
    let mine = SecretString::from("$argon2id$of-somebody-else");
    let stolen = bench.store.accept_invitation(&[3; 32], None, Some(&mine), at(1)).await.unwrap();
    assert_eq!(stolen, None, "a password is never replaced by an invitation");
    assert!(bench.store.accept_invitation(&[3; 32], None, None, at(1)).await.unwrap().is_some());
    let account = bench.store.account(member.account_id).await.unwrap().unwrap();
    let tenants: Vec<TenantId> = account.memberships.iter().map(|one| one.tenant_id).collect();
    assert_eq!(tenants, [first, second]);
    assert_eq!(secrecy::ExposeSecret::expose_secret(&account.password.unwrap()), "$argon2id$kept");
}

async fn another_invitation_ends_the_first_link(bench: Bench) {
    let tenant = bench.tenant().await;
    let member = invite(&bench, tenant, new("ada@example.com", Role::Agent, 1)).await.id;
    let (store, all) = (&bench.store, Permissions::all());
    let again = store.invite_again(tenant, member, link(2), all, at(5)).await.unwrap();
    assert!(matches!(again, ChangedMember::Changed(member) if member.invited_at == at(5)));
    assert!(store.open_invitation(&[1; 32], at(6)).await.unwrap().is_none());
    let password = SecretString::from("$argon2id$kept");
    store.accept_invitation(&[2; 32], None, Some(&password), at(6)).await.unwrap().expect("joined");
    let late = store.invite_again(tenant, member, link(3), all, at(7)).await.unwrap();
    assert_eq!(late, ChangedMember::Wrong(MemberState::Active));
}

async fn nobody_gives_or_takes_more_than_they_have(bench: Bench) {
    let tenant = bench.tenant().await;
    let owner_id = join(&bench, tenant, "owner@example.com", Role::Owner, 1).await.id;
    let agent = join(&bench, tenant, "agent@example.com", Role::Agent, 2).await.id;
    let (store, admin) = (&bench.store, Role::Admin.permissions());
    let beyond = Permission::OwnersManage;
    let invited = store.invite_member(tenant, new("new@example.com", Role::Owner, 3), admin).await.unwrap();
    assert_eq!(invited, Invited::Beyond(beyond));
    let raised = MemberPatch { role: owner(), ..MemberPatch::default() };
    let raised = store.change_member(tenant, agent, raised, admin).await.unwrap();
    assert_eq!(raised, ChangedMember::Beyond(beyond));
    let lowered = MemberPatch { role: Some(GivenRole::BuiltIn(Role::Agent)), ..MemberPatch::default() };
    let lowered = store.change_member(tenant, owner_id, lowered, admin).await.unwrap();
    assert_eq!(lowered, ChangedMember::Beyond(beyond));
    let removed = store.remove_member(tenant, owner_id, admin).await.unwrap();
    assert_eq!(removed, ChangedMember::Beyond(beyond));
    let role = store.create_role(tenant, "All", Permissions::all(), admin, at(0)).await.unwrap();
    assert_eq!(role, ChangedRole::Beyond(beyond));
    assert!(matches!(store.remove_member(tenant, agent, admin).await.unwrap(), ChangedMember::Changed(_)));
}

async fn a_tenant_keeps_its_last_owner(bench: Bench) {
    let tenant = bench.tenant().await;
    let first = join(&bench, tenant, "first@example.com", Role::Owner, 1).await.id;
    invite(&bench, tenant, new("invited@example.com", Role::Owner, 2)).await;
    let demoted = MemberPatch { role: Some(GivenRole::BuiltIn(Role::Admin)), ..MemberPatch::default() };
    let disabled = MemberPatch { state: Some(MemberState::Disabled), ..MemberPatch::default() };
    for patch in [&demoted, &disabled] {
        assert_eq!(change(&bench, tenant, first, patch.clone()).await, ChangedMember::LastOwner);
    }
    let removed = bench.store.remove_member(tenant, first, Permissions::all()).await.unwrap();
    assert_eq!(removed, ChangedMember::LastOwner);
    let second = join(&bench, tenant, "second@example.com", Role::Owner, 3).await.id;
    assert!(matches!(change(&bench, tenant, first, disabled.clone()).await, ChangedMember::Changed(_)));
    assert_eq!(change(&bench, tenant, second, demoted).await, ChangedMember::LastOwner);
    let back = MemberPatch { state: Some(MemberState::Active), ..MemberPatch::default() };
    assert!(matches!(change(&bench, tenant, first, back).await, ChangedMember::Changed(_)));
    assert!(matches!(change(&bench, tenant, second, disabled).await, ChangedMember::Changed(_)));
}

async fn two_who_remove_the_last_two_owners_do_not_both_succeed(bench: Bench) {
    let tenant = bench.tenant().await;
    let members = [
        join(&bench, tenant, "first@example.com", Role::Owner, 1).await.id,
        join(&bench, tenant, "second@example.com", Role::Owner, 2).await.id,
    ];
    let outcomes = at_once(&bench.store, 2, move |store, number| async move {
        store.remove_member(tenant, members[number as usize % 2], Permissions::all()).await.unwrap()
    })
    .await;
    let removed = outcomes.iter().filter(|one| matches!(one, ChangedMember::Changed(_))).count();
    assert_eq!(removed, 1, "{outcomes:?}");
    assert_eq!(bench.store.members(tenant).await.unwrap().len(), 1);
}

async fn with_the_last_membership_goes_the_account(bench: Bench) {
    let (first, second) = (bench.tenant().await, bench.tenant().await);
    join(&bench, first, "boss@example.com", Role::Owner, 9).await;
    let one = join(&bench, first, "ada@example.com", Role::Agent, 1).await;
    let two = join(&bench, second, "ada@example.com", Role::Agent, 2).await;
    let session =
        NewSession { hash: [7; 32], address: None, user_agent: None, at: at(2), expires_at: at(100) };
    bench.store.open_session(one.account_id, session).await.unwrap();
    bench.store.remove_member(first, one.id, Permissions::all()).await.unwrap();
    let left = bench.store.session_by_hash(&[7; 32]).await.unwrap().expect("still a member of another");
    assert_eq!(left.memberships.len(), 1);
    bench.store.remove_member(second, two.id, Permissions::all()).await.unwrap();
    assert_eq!(bench.store.session_by_hash(&[7; 32]).await.unwrap(), None);
    assert!(bench.store.account(one.account_id).await.unwrap().is_none());
    let back = invite(&bench, first, new("ada@example.com", Role::Agent, 3)).await;
    assert_ne!(back.account_id, AccountId(one.account_id.0));
}

async fn a_role_is_what_its_members_may_do_and_cannot_go_while_somebody_has_it(bench: Bench) {
    let tenant = bench.tenant().await;
    let (store, all) = (&bench.store, Permissions::all());
    let reads = Permissions::NONE.with(Permission::ContactsRead);
    let ChangedRole::Changed(role) = store.create_role(tenant, "Reader", reads, all, at(1)).await.unwrap()
    else {
        panic!("made");
    };
    let taken = store.create_role(tenant, "Reader", reads, all, at(2)).await.unwrap();
    assert_eq!(taken, ChangedRole::Taken(role.id));
    let given = NewMember { role: GivenRole::Own(role.id), ..new("ada@example.com", Role::Agent, 1) };
    let member = invite(&bench, tenant, given).await;
    assert_eq!((member.role, member.permissions), (GivenRole::Own(role.id), reads));
    assert_eq!(store.delete_role(tenant, role.id, all).await.unwrap(), ChangedRole::InUse(1));
    let more = reads.with(Permission::ContactsWrite);
    let changed = store.update_role(tenant, role.id, None, Some(more), all, at(3)).await.unwrap();
    assert!(
        matches!(changed, ChangedRole::Changed(role) if role.permissions == more && role.updated_at == at(3))
    );
    assert_eq!(store.member(tenant, member.id).await.unwrap().unwrap().permissions, more);
    store.remove_member(tenant, member.id, all).await.unwrap();
    assert!(matches!(store.delete_role(tenant, role.id, all).await.unwrap(), ChangedRole::Changed(_)));
    assert!(store.roles(tenant).await.unwrap().is_empty());
    assert_eq!(store.delete_role(tenant, role.id, all).await.unwrap(), ChangedRole::NotFound);
}

async fn members_and_roles_are_their_tenants(bench: Bench) {
    let (owner, stranger) = (bench.tenant().await, bench.tenant().await);
    let (store, all) = (&bench.store, Permissions::all());
    let member = join(&bench, owner, "ada@example.com", Role::Agent, 1).await;
    let reads = Permissions::NONE.with(Permission::ContactsRead);
    let ChangedRole::Changed(role) = store.create_role(owner, "Reader", reads, all, at(1)).await.unwrap()
    else {
        panic!("made");
    };
    assert!(store.members(stranger).await.unwrap().is_empty());
    assert_eq!(store.member(stranger, member.id).await.unwrap(), None);
    assert_eq!(store.member_by_email(stranger, &member.email.parse().unwrap()).await.unwrap(), None);
    assert_eq!(change(&bench, stranger, member.id, MemberPatch::default()).await, ChangedMember::NotFound);
    assert_eq!(store.remove_member(stranger, member.id, all).await.unwrap(), ChangedMember::NotFound);
    let again = store.invite_again(stranger, member.id, link(5), all, at(1)).await.unwrap();
    assert_eq!(again, ChangedMember::NotFound);
    assert!(store.roles(stranger).await.unwrap().is_empty());
    let renamed = store.update_role(stranger, role.id, Some("X".into()), None, all, at(1)).await.unwrap();
    assert_eq!(renamed, ChangedRole::NotFound);
    assert_eq!(store.delete_role(stranger, role.id, all).await.unwrap(), ChangedRole::NotFound);
    let given = NewMember { role: GivenRole::Own(role.id), ..new("eve@example.com", Role::Agent, 6) };
    assert_eq!(store.invite_member(stranger, given, all).await.unwrap(), Invited::NoRole);
    let given = MemberPatch { role: Some(GivenRole::Own(RoleId(99))), ..MemberPatch::default() };
    assert_eq!(change(&bench, owner, member.id, given).await, ChangedMember::NoRole);
    assert_eq!(store.member(owner, member.id).await.unwrap(), Some(member));
    assert_eq!(store.roles(owner).await.unwrap(), [role]);
}
