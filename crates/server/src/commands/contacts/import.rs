//! `waxwing contacts import`.

mod errors_file;
mod report;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use self::errors_file::ErrorsFile;
use self::source::Source;
use crate::bar::{Bar, drawn, grouped, time};
use crate::client::{Client, ClientFlags};
use crate::commands::output::remark;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(300);
/// A server that restarts is asked again so often.
const TRIES: u32 = 100;
const PART: usize = 256 * 1024;
/// The exit code of what Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// Where nothing can be drawn anew, a line is worth it after so many percent.
const STEP: u64 = 10;

#[derive(Args)]
pub(super) struct Import {
    /// CSV (any usual delimiter and encoding), XLSX, or JSON {"contacts": [...]}; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    client: ClientFlags,
    /// What a column means, by heading or number: Kontakt=phone, 3=fields.city
    #[arg(long = "map", value_name = "COLUMN=MEANING", value_parser = pair)]
    mapping: Vec<(String, String)>,
    /// Leaves columns out whose headings say nothing; else they become custom fields
    #[arg(long)]
    ignore_unknown: bool,
    /// The first row is no heading
    #[arg(long)]
    no_header: bool,
    /// Country of numbers without +, two letters [default: the tenant's]
    #[arg(long, value_name = "CODE")]
    default_country: Option<String>,
    /// Given to every contact of the list
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Rows that do not say so themselves gave consent; say with --consent-source where
    #[arg(long)]
    opted_in: bool,
    /// Where consent was given
    #[arg(long, value_name = "TEXT")]
    consent_source: Option<String>,
    /// What proves it
    #[arg(long, value_name = "TEXT")]
    consent_evidence: Option<String>,
    /// Brings contacts up to date whose number is known, instead of skipping their rows
    #[arg(long)]
    update: bool,
    /// Reads and judges the first 50 rows, writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Writes the rows that became no contact to this CSV, to be mended and imported again
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (column, meaning) = text.rsplit_once('=').ok_or("write it like Kontakt=phone")?;
    Ok((column.to_owned(), meaning.to_owned()))
}

impl Import {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let client = Client::of(self.client.clone())?;
        let source = Source::open(&self.file).await?;
        // What cannot be written is to be known before the import, and not after it.
        let errors = self.errors.as_ref().filter(|_| !self.dry_run);
        let errors = errors.map(|path| ErrorsFile::prepare(path, &self.file)).transpose()?;
        let mut bar = Bar::new();
        let first = tokio::select! {
            first = self.upload(&client, source, &mut bar) => first?,
            _ = tokio::signal::ctrl_c() => {
                bar.end();
                remark!("Broken off while the list was sent; `waxwing contacts imports` tells whether its import began.");
                return Ok(ExitCode::from(INTERRUPTED));
            }
        };
        if self.dry_run {
            bar.end();
            report::print_trial(&first)?;
            return Ok(ExitCode::SUCCESS);
        }
        let id = first["import_id"].clone();
        let report = tokio::select! {
            report = follow(&client, first, &mut bar) => report?,
            _ = tokio::signal::ctrl_c() => {
                bar.end();
                remark!("The import goes on at the server; its id is {id}. To stop it:");
                remark!("  waxwing contacts import-cancel {id} --tenant {}", self.client.tenant());
                return Ok(ExitCode::from(INTERRUPTED));
            }
        };
        bar.end();
        report::print_report(&report)?;
        if let Some(errors) = errors {
            errors.save(&client, &report).await?;
        }
        Ok(if report["state"] == "completed" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                options.insert(name.to_owned(), value);
            }
        };
        let mapping = self.mapping.iter().map(|(column, meaning)| (column.clone(), meaning.as_str().into()));
        put("mapping", (!self.mapping.is_empty()).then(|| Value::Object(mapping.collect())));
        put("unknown_columns", self.ignore_unknown.then(|| "ignore".into()));
        put("has_header", self.no_header.then(|| false.into()));
        put("default_country", self.default_country.clone().map(Value::from));
        put("tags", (!self.tags.is_empty()).then(|| Value::from(self.tags.as_slice()).to_string().into()));
        put("default_opted_in", self.opted_in.then(|| true.into()));
        put("consent_source", self.consent_source.clone().map(Value::from));
        put("consent_evidence", self.consent_evidence.clone().map(Value::from));
        put("skip_duplicates", self.update.then(|| false.into()));
        put("dry_run", self.dry_run.then(|| true.into()));
        options
    }

    /// Sends the file, as it is read; answers what the server said of it.
    async fn upload(&self, client: &Client, source: Source, bar: &mut Bar) -> Result<Value> {
        let Source { file, size, name } = source;
        let sent = Arc::new(AtomicU64::new(0));
        let request = client.request(Method::POST, "/contacts/import").header("prefer", "wait=1");
        let is_json = name.to_ascii_lowercase().ends_with(".json") && self.options().is_empty();
        let request = if is_json {
            let body = body(file, Arc::clone(&sent));
            request.header("content-type", "application/json").header("content-length", size).body(body)
        } else {
            let mut form = Form::new();
            for (name, value) in self.options() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                form = form.text(name, text);
            }
            let part = Part::stream_with_length(body(file, Arc::clone(&sent)), size).file_name(name);
            request.multipart(form.part("file", part))
        };
        let mut answer = std::pin::pin!(client.data(request));
        let mut last = u64::MAX;
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                () = tokio::time::sleep(LOOK) => {
                    let done = sent.load(Ordering::Relaxed);
                    if bar.redraws() || last == u64::MAX || done * 100 / size.max(1) >= last + STEP {
                        bar.show(&format!("uploading {}  {} MB", drawn(done, size), grouped(size >> 20)));
                        last = done * 100 / size.max(1);
                    }
                }
            }
        }
    }
}

/// The file in parts; `sent` is told of each.
fn body(file: impl AsyncRead + Unpin + Send + 'static, sent: Arc<AtomicU64>) -> Body {
    Body::wrap_stream(futures::stream::unfold((file, sent), |(mut file, sent)| async move {
        let mut part = vec![0; PART];
        match file.read(&mut part).await {
            Ok(0) => None,
            Ok(length) => {
                part.truncate(length);
                sent.fetch_add(length as u64, Ordering::Relaxed);
                Some((Ok(part), (file, sent)))
            }
            Err(error) => Some((Err(error), (file, sent))),
        }
    }))
}

/// Looks again and again until it is over; a server that restarts goes on with it.
async fn follow(client: &Client, first: Value, bar: &mut Bar) -> Result<Value> {
    let path = format!("/contacts/import/{}", first["import_id"]);
    let mut report = first;
    let mut tries = 0;
    let mut last = None;
    while report["state"] == "running" {
        let progress = &report["progress"];
        let percent = progress["percent"].as_f64().unwrap_or_default() as u64;
        if bar.redraws() || last.is_none_or(|last| percent >= last + STEP) {
            bar.show(&line(progress));
            last = Some(percent);
        }
        tokio::time::sleep(LOOK).await;
        match client.get(&path).await {
            Ok(found) => {
                report = found;
                tries = 0;
            }
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tries += 1,
        }
    }
    Ok(report)
}

fn line(progress: &Value) -> String {
    let number = |name: &str| progress[name].as_u64().unwrap_or_default();
    let rate = progress["rows_per_second"].as_f64().unwrap_or_default() as u64;
    let mut line = format!(
        "importing {}  {} rows · {}/s",
        drawn(number("bytes_read"), number("bytes_total")),
        grouped(number("rows_read")),
        grouped(rate)
    );
    if let Some(seconds) = progress["seconds_left"].as_f64() {
        line.push_str(&format!(" · {} left", time(seconds.ceil() as u64)));
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_import_on_its_way_shows_rows_rate_and_time_left() {
        let progress = json!({"bytes_read": 25, "bytes_total": 100, "rows_read": 12_000, "rows_per_second": 30_000.4,
            "seconds_left": 1.2});
        assert_eq!(
            line(&progress),
            "importing [######------------------]  25 %  12,000 rows · 30,000/s · 2 s left"
        );
    }

    #[test]
    fn a_tag_may_hold_a_comma() {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            import: Import,
        }
        let line = ["import", "list.csv", "--tenant", "1", "--tag", "Rome, Italy", "--tag", "vip"];
        let options = Line::parse_from(line).import.options();
        assert_eq!(options["tags"], r#"["Rome, Italy","vip"]"#);
    }

    #[test]
    fn a_meaning_stands_behind_the_last_equals_sign() {
        assert_eq!(pair("a=b=phone"), Ok(("a=b".to_owned(), "phone".to_owned())));
        assert!(pair("phone").is_err());
    }
}
