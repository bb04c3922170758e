//! The cookie that carries a session of a browser.

use http::{HeaderMap, HeaderValue, header};

/// Where the server speaks TLS: a browser takes it from this host alone, by TLS alone (RFC 6265bis, 4.1.3.2).
const SECURE: &str = "__Host-waxwing_session";
/// Without TLS.
const PLAIN: &str = "waxwing_session";

/// The session's token, when the call carries one.
pub(crate) fn read(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs: Vec<(&str, &str)> =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
    let named = |wanted: &str| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    named(SECURE).or_else(|| named(PLAIN)).map(str::to_owned)
}

/// `Set-Cookie` that gives it; it ends with the browser's session, or on the server, whichever is first.
pub(crate) fn set(token: &str, secure: bool) -> Option<HeaderValue> {
    let (name, more) = if secure { (SECURE, "; Secure") } else { (PLAIN, "") };
    HeaderValue::try_from(format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{more}")).ok()
}

/// `Set-Cookie` that takes it away.
pub(crate) fn clear(secure: bool) -> HeaderValue {
    HeaderValue::from_static(if secure {
        "__Host-waxwing_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
    } else {
        "waxwing_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_the_one_by_tls_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; waxwing_session=plain"));
        assert_eq!(read(&headers).as_deref(), Some("plain"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-waxwing_session=tls"));
        assert_eq!(read(&headers).as_deref(), Some("tls"));
    }

    #[test]
    fn scripts_and_other_sites_never_get_it() {
        let cookie = set("wxs_1", true).unwrap();
        let cookie = cookie.to_str().unwrap();
        for wanted in ["__Host-waxwing_session=wxs_1;", "HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
            assert!(cookie.contains(wanted), "{cookie}");
        }
        assert!(!set("wxs_1", false).unwrap().to_str().unwrap().contains("Secure"));
    }
}
