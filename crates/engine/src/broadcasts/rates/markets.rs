//! Meta's markets.

/// Countries by market; every other one is "Other".
const MARKETS: [(&str, &[&str]); 33] = [
    ("Argentina", &["AR"]),
    ("Brazil", &["BR"]),
    ("Chile", &["CL"]),
    ("Colombia", &["CO"]),
    ("Egypt", &["EG"]),
    ("France", &["FR"]),
    ("Germany", &["DE"]),
    ("India", &["IN"]),
    ("Indonesia", &["ID"]),
    ("Israel", &["IL"]),
    ("Italy", &["IT"]),
    ("Malaysia", &["MY"]),
    ("Mexico", &["MX"]),
    ("Netherlands", &["NL"]),
    ("Nigeria", &["NG"]),
    ("Pakistan", &["PK"]),
    ("Peru", &["PE"]),
    ("Russia", &["RU"]),
    ("Saudi Arabia", &["SA"]),
    ("South Africa", &["ZA"]),
    ("Spain", &["ES"]),
    ("Turkey", &["TR"]),
    ("United Arab Emirates", &["AE"]),
    ("United Kingdom", &["GB"]),
    ("North America", &["CA", "US"]),
    (
        "Rest of Africa",
        &[
            "DZ", "AO", "BJ", "BW", "BF", "BI", "CM", "TD", "CG", "CI", "ER", "ET", "GA", "GM", "GH", "GW",
            "KE", "LS", "LR", "LY", "MG", "MW", "ML", "MR", "MA", "MZ", "NA", "NE", "RW", "SN", "SL", "SO",
            "SS", "SD", "SZ", "TZ", "TG", "TN", "UG", "ZM",
        ],
    ),
    (
        "Rest of Asia Pacific",
        &[
            "AF", "AU", "BD", "KH", "CN", "HK", "JP", "LA", "MN", "NP", "NZ", "PG", "PH", "SG", "LK", "TW",
            "TJ", "TH", "TM", "UZ", "VN",
        ],
    ),
    (
        "Rest of Central & Eastern Europe",
        &[
            "AL", "AM", "AZ", "BY", "BG", "HR", "CZ", "GE", "GR", "HU", "LV", "LT", "MK", "MD", "PL", "RO",
            "RS", "SK", "SI", "UA",
        ],
    ),
    (
        "Rest of Latin America",
        &["BO", "CR", "DO", "EC", "SV", "GT", "HT", "HN", "JM", "NI", "PA", "PY", "PR", "UY", "VE"],
    ),
    ("Rest of Middle East", &["BH", "IQ", "JO", "KW", "LB", "OM", "QA", "YE"]),
    ("Rest of Western Europe", &["AT", "BE", "DK", "FI", "IE", "NO", "PT", "SE", "CH"]),
    ("Other", &[]),
    ("Default", &[]),
];

const OTHER: &str = "Other";

/// The market as Meta writes it, whatever the case of the letters; `None`: there is none of that name.
pub(super) fn named(name: &str) -> Option<&'static str> {
    let fold = |name: &str| name.trim().to_lowercase().replace(" and ", " & ");
    let found = MARKETS.iter().find(|(known, _)| fold(known) == fold(name)).map(|(known, _)| *known);
    found.map(|known| if known == "Default" { OTHER } else { known })
}

/// The market of a country.
pub(super) fn of(country: &str) -> &'static str {
    MARKETS.iter().find(|(_, countries)| countries.contains(&country)).map_or(OTHER, |(market, _)| *market)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_in_one_market() {
        let mut all: Vec<&str> =
            MARKETS.iter().flat_map(|(_, countries)| countries.iter().copied()).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!((of("US"), of("CH"), of("FJ")), ("North America", "Rest of Western Europe", "Other"));
        assert_eq!(named("rest of central and eastern europe"), Some("Rest of Central & Eastern Europe"));
        assert_eq!(named("Narnia"), None);
    }
}
