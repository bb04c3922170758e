//! Members of the tenant.

use api_types::access::members::{InvitationSent, InviteMember, InvitedMember, Member, UpdateMember, each};
use api_types::errors::details::{Denied, DuplicateMember, DuplicateRole, Missing, Nothing, WrongState};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::{MemberId, RoleId};
use engine::access::{Access, Bearer, Delivery, Invitation, Invite, MemberError};
use ports::access::members::{GivenRole, MemberPatch};

use crate::answer::{Answer, Result, created, ok, short_list};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_members, invite_member))
        .routes(routes!(get_member, update_member, remove_member))
        .routes(routes!(repeat_invitation))
}

/// All members, those who joined first first.
#[utoipa::path(get, path = "/members", tag = "access", params(PagingQuery),
    responses((status = 200, body = Success<List<Member>>)),
    extensions(("x-required-permission" = json!("members_read"))))]
async fn list_members(
    caller: Caller<needs::MembersRead>,
    State(access): State<Access>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Member>>> {
    let members = access.members(caller.tenant).await.map_err(failed(MemberId(0)))?;
    short_list(&page, members, body)
}

/// Invites somebody: by e-mail, or, where this server sends none, by a link in the answer, to be handed over. Nobody
/// gives a role that may do more than they may themselves.
#[utoipa::path(post, path = "/members", tag = "access", request_body = InviteMember,
    responses((status = 201, body = Success<InvitedMember>)),
    extensions(("x-required-permission" = json!("members_manage")),
        ("x-error-codes" = json!(["DUPLICATE_MEMBER", "ROLE_NOT_FOUND"]))))]
async fn invite_member(
    caller: Caller<needs::MembersManage>,
    State(access): State<Access>,
    Json(wanted): Json<InviteMember>,
) -> Result<Answer<InvitedMember>> {
    let role = role(wanted.role.map(Into::into), wanted.role_id)?
        .ok_or_else(|| ApiError::fault("/role", "is missing: give role or role_id"))?;
    let invite = Invite { email: wanted.email, name: wanted.name, role };
    let by = caller.known.permissions;
    let invited = access.invite(caller.tenant, invite, by, Bearer::Mail).await;
    Ok(told(invited.map_err(|error| failed_with_role(error, role))?))
}

/// One member.
#[utoipa::path(get, path = "/members/{id}", tag = "access",
    responses((status = 200, body = Success<Member>)),
    extensions(("x-required-permission" = json!("members_read")), ("x-error-codes" = json!(["MEMBER_NOT_FOUND"]))))]
async fn get_member(
    caller: Caller<needs::MembersRead>,
    Id(id): Id<MemberId>,
    State(access): State<Access>,
) -> Result<Answer<Member>> {
    Ok(ok(body(access.member(caller.tenant, id).await.map_err(failed(id))?)))
}

/// Changes name, role or state. Nobody changes who may do more than they may themselves; the last owner stays one.
#[utoipa::path(patch, path = "/members/{id}", tag = "access", request_body = UpdateMember,
    responses((status = 200, body = Success<Member>)),
    extensions(("x-required-permission" = json!("members_manage")),
        ("x-error-codes" = json!(["MEMBER_NOT_FOUND", "ROLE_NOT_FOUND", "LAST_OWNER", "INVALID_STATE"]))))]
async fn update_member(
    caller: Caller<needs::MembersManage>,
    Id(id): Id<MemberId>,
    State(access): State<Access>,
    Json(wanted): Json<UpdateMember>,
) -> Result<Answer<Member>> {
    let role = role(wanted.role.map(Into::into), wanted.role_id)?;
    let patch = MemberPatch { name: wanted.name.into_option(), role, state: wanted.state.map(Into::into) };
    let changed = access.change_member(caller.tenant, id, patch, caller.known.permissions).await;
    let changed = changed.map_err(|error| match role {
        Some(role) if matches!(error, MemberError::RoleNotFound) => failed_with_role(error, role),
        _ => failed(id)(error),
    })?;
    Ok(ok(body(changed)))
}

/// Removes a member; of somebody who is a member of no other tenant nothing is kept. The last owner stays.
#[utoipa::path(delete, path = "/members/{id}", tag = "access",
    responses((status = 200, body = Success<Member>)),
    extensions(("x-required-permission" = json!("members_manage")),
        ("x-error-codes" = json!(["MEMBER_NOT_FOUND", "LAST_OWNER"]))))]
async fn remove_member(
    caller: Caller<needs::MembersManage>,
    Id(id): Id<MemberId>,
    State(access): State<Access>,
) -> Result<Answer<Member>> {
    let removed = access.remove_member(caller.tenant, id, caller.known.permissions).await;
    Ok(ok(body(removed.map_err(failed(id))?)))
}

/// Invites somebody again who has not accepted; the earlier link ends.
#[utoipa::path(post, path = "/members/{id}/invitation", tag = "access",
    responses((status = 201, body = Success<InvitedMember>)),
    extensions(("x-required-permission" = json!("members_manage")),
        ("x-error-codes" = json!(["MEMBER_NOT_FOUND", "INVALID_STATE"]))))]
async fn repeat_invitation(
    caller: Caller<needs::MembersManage>,
    Id(id): Id<MemberId>,
    State(access): State<Access>,
    _: NoBody,
) -> Result<Answer<InvitedMember>> {
    let by = caller.known.permissions;
    let invited = access.invite_again(caller.tenant, id, by, Bearer::Mail).await.map_err(failed(id))?;
    Ok(told(invited))
}

/// The link is shown once.
fn told(invited: Invitation) -> Answer<InvitedMember> {
    let answer = shown(invited);
    let kept = InvitedMember { invitation_link: None, ..answer.clone() };
    created(answer).repeated_as(kept)
}

pub(crate) fn shown(invited: Invitation) -> InvitedMember {
    let (invitation, invitation_link) = match invited.delivery {
        Delivery::Mailed => (InvitationSent::Mailed, None),
        Delivery::Link(link) => (InvitationSent::Link, Some(link)),
        Delivery::Failed(_) => (InvitationSent::Failed, None),
    };
    InvitedMember { member: body(invited.member), invitation, invitation_link }
}

/// One of the two, or neither.
fn role(built_in: Option<domain::access::roles::Role>, own: Option<i64>) -> Result<Option<GivenRole>> {
    match (built_in, own) {
        (Some(_), Some(_)) => Err(ApiError::fault("/role_id", "cannot be given together with role")),
        (Some(role), None) => Ok(Some(GivenRole::BuiltIn(role))),
        (None, Some(id)) => Ok(Some(GivenRole::Own(RoleId(id)))),
        (None, None) => Ok(None),
    }
}

fn body(member: ports::access::members::Member) -> Member {
    let (role, role_id) = match member.role {
        GivenRole::BuiltIn(role) => (Some(role.into()), None),
        GivenRole::Own(id) => (None, Some(id.0)),
    };
    Member {
        id: member.id.0,
        email: member.email,
        name: member.name,
        role,
        role_id,
        permissions: each(member.permissions),
        state: member.state.into(),
        two_factor: member.two_factor,
        invited_at: member.invited_at,
        invited_until: member.invited_until,
        joined_at: member.joined_at,
    }
}

fn failed_with_role(error: MemberError, role: GivenRole) -> ApiError {
    match (error, role) {
        (MemberError::RoleNotFound, GivenRole::Own(id)) => Problem::RoleNotFound(Missing { id: id.0 }).into(),
        (error, _) => failed(MemberId(0))(error),
    }
}

pub(crate) fn failed(member: MemberId) -> impl FnOnce(MemberError) -> ApiError {
    move |error| match error {
        MemberError::NotFound => Problem::MemberNotFound(Missing { id: member.0 }).into(),
        MemberError::RoleNotFound => Problem::RoleNotFound(Missing { id: 0 }).into(),
        MemberError::Duplicate(id) => Problem::DuplicateMember(DuplicateMember { member_id: id.0 }).into(),
        MemberError::DuplicateRole(id) => Problem::DuplicateRole(DuplicateRole { role_id: id.0 }).into(),
        MemberError::LastOwner => Problem::LastOwner(Nothing {}).into(),
        MemberError::Beyond(permission) => Problem::Forbidden(Denied {
            missing_permission: Some(permission.as_str().to_owned()),
            ..Denied::default()
        })
        .into(),
        MemberError::Wrong(state) => {
            let allowed = if state == domain::access::roles::MemberState::Invited {
                vec!["active".to_owned(), "disabled".to_owned()]
            } else {
                vec!["invited".to_owned()]
            };
            let current = state.as_str().to_owned();
            Problem::InvalidState(WrongState { current, allowed, not_before: None }).into()
        }
        MemberError::RoleInUse(_) => {
            let (current, allowed) = ("in_use".to_owned(), vec!["unused".to_owned()]);
            Problem::InvalidState(WrongState { current, allowed, not_before: None }).into()
        }
        MemberError::Invalid(faults) => faults.into(),
        MemberError::Store(error) => error.into(),
    }
}
