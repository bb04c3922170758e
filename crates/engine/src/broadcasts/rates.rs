//! The rate card: what Meta charges per country and category, as the operator knows it.
//!
//! A CSV file with a header: `market` (or `country`), `currency`, `marketing`, `utility`, `authentication`. A market is a
//! country's two letters or one of Meta's market names ("Rest of Western Europe"); a country's own row comes before its
//! market's. Prices are per delivered message; an empty one is not known. Source of the markets: Meta, "Pricing on the
//! WhatsApp Business Platform".

mod markets;

use std::collections::HashMap;

use domain::templates::Category;
use serde::Deserialize;

use super::preview::{Cost, CountryCost};

/// Prices by country.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RateCard {
    countries: HashMap<String, Prices>,
    markets: HashMap<&'static str, Prices>,
}

#[derive(Debug, Clone, PartialEq)]
struct Prices {
    currency: String,
    marketing: Option<f64>,
    utility: Option<f64>,
    authentication: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(alias = "country")]
    market: String,
    currency: String,
    #[serde(default)]
    marketing: Option<f64>,
    #[serde(default)]
    utility: Option<f64>,
    #[serde(default)]
    authentication: Option<f64>,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct RateFault {
    /// As a person sees it in the file, from 1.
    pub line: u64,
    pub problem: String,
}

impl RateCard {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Every line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, Vec<RateFault>> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let (mut card, mut faults) = (Self::default(), Vec::new());
        let headers = match reader.headers() {
            Ok(headers) => headers.clone(),
            Err(error) => return Err(vec![RateFault { line: 1, problem: problem_of(&error) }]),
        };
        for record in reader.records() {
            let position = |record: &csv::StringRecord| record.position().map_or(0, csv::Position::byte);
            let read = record.and_then(|record| {
                let line = line_at(text, position(&record));
                record.deserialize::<Line>(Some(&headers)).map(|read| (line, read))
            });
            match read {
                Ok((line, read)) => {
                    if let Err(problem) = card.take(read) {
                        faults.push(RateFault { line, problem });
                    }
                }
                Err(error) => {
                    let line = error.position().map_or(1, |position| line_at(text, position.byte()));
                    faults.push(RateFault { line, problem: problem_of(&error) });
                }
            }
        }
        if faults.is_empty() { Ok(card) } else { Err(faults) }
    }

    /// Fails with what is wrong with the line.
    fn take(&mut self, line: Line) -> Result<(), String> {
        let Line { market, currency, marketing, utility, authentication } = line;
        let prices = [marketing, utility, authentication];
        if prices.iter().flatten().any(|price| !price.is_finite() || *price < 0.0) {
            return Err("a price cannot be negative".to_owned());
        }
        let prices = Prices { currency: currency.to_uppercase(), marketing, utility, authentication };
        if let Some(known) = markets::named(&market) {
            self.markets.insert(known, prices);
        } else if market.len() == 2 && market.chars().all(|letter| letter.is_ascii_alphabetic()) {
            self.countries.insert(market.to_ascii_uppercase(), prices);
        } else {
            return Err(format!("\"{market}\" is neither a country's two letters nor one of Meta's markets"));
        }
        Ok(())
    }

    /// What so many recipients of each country cost.
    pub(super) fn cost(&self, countries: &[(Option<String>, i64)], category: &Category) -> Cost {
        let mut cost = Cost { totals: Vec::new(), countries: Vec::new(), unpriced: 0 };
        for (country, recipients) in countries {
            let priced = country.as_deref().and_then(|country| self.price(country, category));
            let (Some(country), Some((currency, each))) = (country, priced) else {
                cost.unpriced += recipients;
                continue;
            };
            let total = each * *recipients as f64;
            match cost.totals.iter_mut().find(|(known, _)| known == currency) {
                Some((_, sum)) => *sum += total,
                None => cost.totals.push((currency.to_owned(), total)),
            }
            cost.countries.push(CountryCost {
                country: country.clone(),
                recipients: *recipients,
                currency: currency.to_owned(),
                each,
                total,
            });
        }
        cost.countries.sort_by_key(|country| std::cmp::Reverse(country.recipients));
        cost
    }

    fn price(&self, country: &str, category: &Category) -> Option<(&str, f64)> {
        let own = self.countries.get(country);
        let prices = own.or_else(|| self.markets.get(markets::of(country)))?;
        let price = match category {
            Category::Marketing => prices.marketing,
            Category::Utility => prices.utility,
            Category::Authentication => prices.authentication,
            Category::Other(_) => None,
        };
        Some((prices.currency.as_str(), price?))
    }
}

/// In words, without the place, which is told beside it.
fn problem_of(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns, the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

/// The line of a record, whose place the reader notes before it skips the blank lines in front.
fn line_at(text: &str, byte: u64) -> u64 {
    let bytes = text.as_bytes();
    let noted = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
    let skipped = bytes[noted..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    bytes[..noted + skipped].iter().filter(|byte| **byte == b'\n').count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "\u{feff}market,currency,marketing,utility,authentication\n\
        Germany,usd,0.1365,0.055,\n\
        Rest of Western Europe,USD,0.0592,0.03,0.03\n\
        at,EUR,0.05,,\n\
        Other,USD,0.06,0.01,0.01\n";

    fn countries(all: &[(&str, i64)]) -> Vec<(Option<String>, i64)> {
        all.iter().map(|(country, count)| (Some((*country).to_owned()), *count)).collect()
    }

    #[test]
    fn a_country_has_its_own_price_or_its_markets_and_whom_nobody_knows_has_none() {
        let card = RateCard::parse(CARD).unwrap();
        let mut asked = countries(&[("DE", 100), ("AT", 10), ("CH", 10), ("FJ", 1)]);
        asked.push((None, 7));
        let cost = card.cost(&asked, &Category::Marketing);
        let each: Vec<(&str, f64)> =
            cost.countries.iter().map(|one| (one.country.as_str(), one.each)).collect();
        assert_eq!(each, [("DE", 0.1365), ("AT", 0.05), ("CH", 0.0592), ("FJ", 0.06)]);
        assert_eq!(cost.unpriced, 7);
        assert_eq!(cost.totals.len(), 2);
        let dollars = cost.totals.iter().find(|(currency, _)| currency == "USD").unwrap().1;
        assert!((dollars - 14.302).abs() < 1e-9, "{dollars}");
        let codes = card.cost(&countries(&[("DE", 3)]), &Category::Authentication);
        assert_eq!((codes.unpriced, codes.totals.len()), (3, 0));
    }

    #[test]
    fn a_fault_names_its_line_whatever_stands_before_it() {
        for end in ["\n", "\r\n"] {
            let text = [
                "market,currency,marketing",
                "DE,EUR,0.1",
                "",
                "DE,EUR,0.1",
                "DE,EUR,0.1",
                "\"Other\",\"U",
                "D\",1",
                "",
                "Atlantis,USD,1",
                "FR,EUR,-1",
                "IT,EUR,cheap",
            ]
            .join(end);
            let lines: Vec<u64> =
                RateCard::parse(&text).unwrap_err().iter().map(|fault| fault.line).collect();
            assert_eq!(lines, [9, 10, 11], "{end:?}");
        }
    }

    #[test]
    fn every_line_that_cannot_be_read_is_told() {
        let text = "market,currency,marketing\nAtlantis,USD,1\nDE,EUR,cheap\nFR,EUR,-1\n";
        let faults = RateCard::parse(text).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(RateCard::parse("country,currency,marketing\nDE,EUR,0.1\n").is_ok());
    }
}
