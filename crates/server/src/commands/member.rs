//! `waxwing member`: people who work with a tenant.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use domain::access::permissions::Permissions;
use domain::access::roles::{MemberState, Role};
use domain::{MemberId, TenantId};
use engine::access::{Bearer, Delivery, Invitation, Invite, MemberError};
use ports::access::members::{GivenRole, Member as Found, MemberPatch};

use super::output::{remark, say};
use crate::config::{CommonFlags, Config};
use crate::node::{Node, Parts};

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing member add --tenant 1 --email ada@example.com --role owner")]
pub(crate) struct Member {
    #[command(subcommand)]
    command: MemberCommand,
}

#[derive(Subcommand)]
enum MemberCommand {
    /// Invites somebody and prints the link by which to accept
    #[command(after_help = "Again for the same address: another link, as long as nobody accepted.\n\n\
                      Example:\n  waxwing member add --tenant 1 --email ada@example.com --role owner")]
    Add {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// Address of the member
        #[arg(long)]
        email: String,
        /// What the member may do: owner, admin, marketer, agent, auditor or developer
        #[arg(long)]
        role: Role,
        /// What the member is called
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists the members of a tenant: id, address, role, state, second factor, name
    #[command(after_help = "Example:\n  waxwing member list --tenant 1")]
    List {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
    },
    /// Keeps a member out; servers at work notice within seconds
    #[command(after_help = "Example:\n  waxwing member disable --tenant 1 --email ada@example.com")]
    Disable {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// Address of the member
        #[arg(long)]
        email: String,
    },
    /// Prints a link by which a member sets a new password, within an hour
    #[command(after_help = "Example:\n  waxwing member reset-password --tenant 1 --email ada@example.com")]
    ResetPassword {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// Address of the member
        #[arg(long)]
        email: String,
        /// Takes the second factor away, too
        #[arg(long)]
        without_second_factor: bool,
    },
}

impl Member {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        let mut parts = Parts::of(&config);
        // A link has to begin somewhere.
        parts.public_url.get_or_insert_with(|| format!("http://{}", config.listen));
        let node = Node::open(&config, parts).await?;
        match self.command {
            MemberCommand::Add { tenant, email, role, name } => {
                node.engine.tenants.get(tenant).await.with_context(|| format!("tenant {tenant}"))?;
                add(&node, tenant, Invite { email, name, role: GivenRole::BuiltIn(role) }).await
            }
            MemberCommand::List { tenant } => list(&node, tenant).await,
            MemberCommand::Disable { tenant, email } => disable(&node, tenant, &email).await,
            MemberCommand::ResetPassword { tenant, email, without_second_factor } => {
                let member = find(&node, tenant, &email).await?;
                let access = &node.engine.access;
                let link = access.reset_by_operator(tenant, member.id, without_second_factor).await;
                say!("{}", link.with_context(|| format!("{email} has not accepted the invitation yet"))?)?;
                Ok(())
            }
        }
    }
}

async fn add(node: &Node, tenant: TenantId, invite: Invite) -> Result<()> {
    let (access, all) = (&node.engine.access, Permissions::all());
    let email = invite.email.clone();
    let invited = match access.invite(tenant, invite, all, Bearer::Hand).await {
        Err(MemberError::Duplicate(member)) => again(node, tenant, member).await?,
        other => other?,
    };
    let Delivery::Link(link) = invited.delivery else { bail!("no link was made") };
    remark!("{email} is invited to tenant {tenant}. Whoever has this link can accept, once:");
    say!("{link}")?;
    Ok(())
}

async fn again(node: &Node, tenant: TenantId, member: MemberId) -> Result<Invitation> {
    let again = node.engine.access.invite_again(tenant, member, Permissions::all(), Bearer::Hand).await;
    again.context("is a member already")
}

async fn list(node: &Node, tenant: TenantId) -> Result<()> {
    node.engine.tenants.get(tenant).await.with_context(|| format!("tenant {tenant}"))?;
    for member in node.engine.access.members(tenant).await? {
        let role = match member.role {
            GivenRole::BuiltIn(role) => role.as_str().to_owned(),
            GivenRole::Own(id) => format!("role {id}"),
        };
        let second = if member.two_factor { "second factor" } else { "password only" };
        let (state, name) = (member.state.as_str(), member.name.unwrap_or_default());
        say!("{}\t{}\t{role}\t{state}\t{second}\t{name}", member.id, member.email)?;
    }
    Ok(())
}

async fn disable(node: &Node, tenant: TenantId, email: &str) -> Result<()> {
    let member = find(node, tenant, email).await?;
    let patch = MemberPatch { state: Some(MemberState::Disabled), ..MemberPatch::default() };
    node.engine.access.change_member(tenant, member.id, patch, Permissions::all()).await?;
    remark!("{email} is kept out of tenant {tenant}.");
    Ok(())
}

async fn find(node: &Node, tenant: TenantId, email: &str) -> Result<Found> {
    node.engine
        .access
        .member_by_email(tenant, email)
        .await
        .with_context(|| format!("{email} in tenant {tenant}"))
}
