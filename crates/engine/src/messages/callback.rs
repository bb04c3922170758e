//! Our id in `biz_opaque_callback_data`: it comes back in every status webhook, and is the only way to settle a
//! send whose answer was lost. Source: Meta, "Messages", `biz_opaque_callback_data`.

use std::fmt;
use std::str::FromStr;

use domain::{MessageId, TenantId};

/// Which message of which tenant, and which call for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackData {
    pub tenant: TenantId,
    pub message: MessageId,
    pub attempt: i32,
}

impl fmt::Display for CallbackData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wxw1.{}.{}.{}", self.tenant, self.message, self.attempt)
    }
}

/// Not made by us: another system may use the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

impl FromStr for CallbackData {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.strip_prefix("wxw1.").ok_or(NotOurs)?.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (Some(tenant), Some(message), Some(attempt)) = (number(), number(), number()) else {
            return Err(NotOurs);
        };
        if parts.next().is_some() {
            return Err(NotOurs);
        }
        let attempt = i32::try_from(attempt).map_err(|_| NotOurs)?;
        Ok(Self { tenant: TenantId(tenant), message: MessageId(message), attempt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callback_data_comes_back_as_it_went_out() {
        let data = CallbackData { tenant: TenantId(3), message: MessageId(99), attempt: 2 };
        assert_eq!(data.to_string().parse(), Ok(data));
    }

    #[test]
    fn data_of_another_system_is_not_ours() {
        for text in ["", "out-123", "wxw1.", "wxw1.1.2", "wxw1.1.2.3.4", "wxw1.a.b.c", "wxw1.1.2.99999999999"]
        {
            assert_eq!(text.parse::<CallbackData>(), Err(NotOurs), "{text}");
        }
    }
}
