//! The `contacts` beside messages: who the senders are. Absent for system messages and since BSUIDs also partly.

use crate::fields::Fields;

#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) wa_id: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) parent_user_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) username: Option<String>,
    pub(super) identity_key_hash: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Profiles(Vec<Profile>);

impl Profiles {
    pub(super) fn read(value: &Fields<'_>) -> Self {
        Self(value.objects("contacts").iter().map(Profile::read).collect())
    }

    /// The profile of a sender: by number, else by user id, else the only one if nothing speaks against it.
    pub(super) fn of(&self, wa_id: Option<&str>, user_id: Option<&str>) -> Option<&Profile> {
        let same = |a: Option<&str>, b: Option<&str>| a.is_some() && a == b;
        let differs = |a: Option<&str>, b: Option<&str>| a.is_some() && b.is_some() && a != b;
        let by_number = self.0.iter().find(|profile| same(profile.wa_id.as_deref(), wa_id));
        let by_user = || self.0.iter().find(|profile| same(profile.user_id.as_deref(), user_id));
        let only = || match self.0.as_slice() {
            [profile]
                if !differs(profile.wa_id.as_deref(), wa_id)
                    && !differs(profile.user_id.as_deref(), user_id) =>
            {
                Some(profile)
            }
            _ => None,
        };
        by_number.or_else(by_user).or_else(only)
    }
}

impl Profile {
    fn read(fields: &Fields<'_>) -> Self {
        let profile = fields.object("profile").unwrap_or_default();
        Self {
            wa_id: fields.text("wa_id"),
            user_id: fields.text("user_id"),
            parent_user_id: fields.text("parent_user_id"),
            name: profile.text("name"),
            username: profile.text("username"),
            identity_key_hash: fields.text("identity_key_hash"),
        }
    }
}
