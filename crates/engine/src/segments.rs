//! Segments: saved questions about contacts, counted live.

use domain::segments::{Rule, limits};
use domain::{BroadcastId, SegmentId, TenantId, Timestamp};
use ports::segments::{Counted, RemovedSegment, Segment, SegmentPatch, UpdatedSegment};
use ports::{Page, Paging, StoreError};

use crate::Deps;
use crate::faults::Faults;

/// How dealing with segments fails.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    #[error("there is no such segment")]
    NotFound,
    /// These broadcasts have not begun, and will go to it.
    #[error("broadcasts that have not begun go to it")]
    Used(Vec<BroadcastId>),
    /// The name belongs to this segment.
    #[error("segment {0} has this name already")]
    NameTaken(SegmentId),
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A count, and when it was true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub counted: Counted,
    pub at: Timestamp,
}

/// Use cases on segments.
#[derive(Clone)]
pub struct Segments {
    deps: Deps,
}

impl Segments {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Makes one. The broadcasts that its rule asks about must be there.
    ///
    /// # Errors
    /// [`SegmentError::Invalid`], [`SegmentError::NameTaken`], or the store's.
    pub async fn create(&self, tenant: TenantId, name: &str, rule: &Rule) -> Result<Segment, SegmentError> {
        let name = checked(name)?;
        must_know_broadcasts(&self.deps, tenant, rule, "/rule").await?.check()?;
        let now = self.deps.clock.now();
        self.deps.store.create_segment(tenant, name, rule, now).await?.map_err(SegmentError::NameTaken)
    }

    /// One.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, segment: SegmentId) -> Result<Segment, SegmentError> {
        self.deps.store.segment(tenant, segment).await?.ok_or(SegmentError::NotFound)
    }

    /// By name.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(&self, tenant: TenantId, paging: &Paging) -> Result<Page<Segment>, SegmentError> {
        Ok(self.deps.store.segments(tenant, paging).await?)
    }

    /// Changes one.
    ///
    /// # Errors
    /// As [`Segments::create`], and [`SegmentError::NotFound`].
    pub async fn update(
        &self,
        tenant: TenantId,
        segment: SegmentId,
        patch: SegmentPatch,
    ) -> Result<Segment, SegmentError> {
        let name = patch.name.as_deref().map(checked).transpose()?.map(str::to_owned);
        if let Some(rule) = &patch.rule {
            must_know_broadcasts(&self.deps, tenant, rule, "/rule").await?.check()?;
        }
        let patch = SegmentPatch { name, rule: patch.rule };
        match self.deps.store.update_segment(tenant, segment, patch, self.deps.clock.now()).await? {
            UpdatedSegment::Updated(segment) => Ok(segment),
            UpdatedSegment::NotFound => Err(SegmentError::NotFound),
            UpdatedSegment::Taken(other) => Err(SegmentError::NameTaken(other)),
        }
    }

    /// Removes one; broadcasts that were started keep their rule.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`], [`SegmentError::Used`], or the store's.
    pub async fn delete(&self, tenant: TenantId, segment: SegmentId) -> Result<(), SegmentError> {
        match self.deps.store.delete_segment(tenant, segment).await? {
            RemovedSegment::Removed => Ok(()),
            RemovedSegment::NotFound => Err(SegmentError::NotFound),
            RemovedSegment::Used(by) => Err(SegmentError::Used(by)),
        }
    }

    /// Counts the contacts in one, now.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`], or the store's.
    pub async fn count(&self, tenant: TenantId, segment: SegmentId) -> Result<Count, SegmentError> {
        let segment = self.get(tenant, segment).await?;
        self.count_now(tenant, &segment.rule).await
    }

    /// Counts the contacts that a rule means, now, when somebody writes it.
    ///
    /// # Errors
    /// [`SegmentError::Invalid`], or the store's.
    pub async fn count_rule(&self, tenant: TenantId, rule: &Rule) -> Result<Count, SegmentError> {
        must_know_broadcasts(&self.deps, tenant, rule, "/rule").await?.check()?;
        self.count_now(tenant, rule).await
    }

    async fn count_now(&self, tenant: TenantId, rule: &Rule) -> Result<Count, SegmentError> {
        let at = self.deps.clock.now();
        let counted = self.deps.store.count_contacts(tenant, rule, at).await?;
        Ok(Count { counted, at })
    }

    /// A segment's rule and the moment from which it is reckoned, for a list of contacts.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`], or the store's.
    pub async fn filter(
        &self,
        tenant: TenantId,
        segment: SegmentId,
    ) -> Result<(Rule, Timestamp), SegmentError> {
        Ok((self.get(tenant, segment).await?.rule, self.deps.clock.now()))
    }
}

/// What a rule that somebody writes asks about must be there: of a broadcast that nobody knows, nobody ever got a message,
/// and `not_sent` would mean everybody. `pointer`: where the rule stands. (One that is removed later stays in the rule:
/// its messages stay as well.)
pub(crate) async fn must_know_broadcasts(
    deps: &Deps,
    tenant: TenantId,
    rule: &Rule,
    pointer: &str,
) -> Result<Faults, StoreError> {
    let mut faults = Faults::default();
    let asked = rule.broadcasts(pointer);
    if asked.is_empty() {
        return Ok(faults);
    }
    let ids: Vec<BroadcastId> = asked.iter().map(|(_, id)| *id).collect();
    let known = deps.store.known_broadcasts(tenant, &ids).await?;
    for (pointer, _) in asked.into_iter().filter(|(_, id)| !known.contains(id)) {
        faults.add(pointer, "is not a broadcast");
    }
    Ok(faults)
}

fn checked(name: &str) -> Result<&str, Faults> {
    let name = name.trim();
    let mut faults = Faults::default();
    faults.required("/name", name, limits::NAME);
    faults.check()?;
    Ok(name)
}
