//! Lists as CSV (RFC 4180), for `?format=csv` or `Accept: text/csv`: all pages at once up to a bound.

use super::paging::page;
use super::problem::Problem;
use app::{Page, PageAsk};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// Rows of one export; who wants more narrows the time.
const ROWS_MAX: usize = 50_000;
/// Rows of one page of it.
const PAGE: u32 = 200;
/// Says where the export was cut, as a cursor of the list.
const NEXT: HeaderName = HeaderName::from_static("x-next-cursor");

/// How a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

/// What the query names, else what the caller accepts.
pub fn wanted(format: Option<&str>, headers: &HeaderMap) -> Result<Format, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match format {
        Some("csv") => Ok(Format::Csv),
        Some("json") => Ok(Format::Json),
        Some(_) => Err(Problem::invalid_query("format", "`format` is json or csv")),
        None if accept.starts_with("text/csv") => Ok(Format::Csv),
        None => Ok(Format::Json),
    }
}

/// Reads a list page by page and answers with all of it. `columns` are JSON pointers without the first `/`.
pub async fn read<T: Serialize, F: Future<Output = app::Result<Page<T>>>>(
    columns: &[&str],
    ask: PageAsk,
    fetch: impl Fn(PageAsk) -> F,
) -> Result<Response, Problem> {
    let mut writer = started(columns)?;
    let (mut rows, mut ask) = (0, PageAsk { limit: PAGE, ..ask });
    let next = loop {
        let Page { data, next_cursor } = fetch(ask).await?;
        for row in &data {
            let row = serde_json::to_value(row).map_err(|_| Problem::internal())?;
            record(&mut writer, cells(columns, &row))?;
        }
        rows += data.len();
        let Some(behind) = next_cursor.as_deref().and_then(|id| id.parse().ok()) else { break None };
        if rows >= ROWS_MAX {
            break page(Page { data: Vec::<u8>::new(), next_cursor }).next_cursor;
        }
        ask.before = Some(behind);
    };
    let mut response = file(writer)?;
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        response.headers_mut().insert(NEXT, next);
    }
    Ok(response)
}

/// Answers with rows that are at hand.
pub fn write(columns: &[&str], rows: &[Value]) -> Result<Response, Problem> {
    let mut writer = started(columns)?;
    for row in rows {
        record(&mut writer, cells(columns, row))?;
    }
    file(writer)
}

fn started(columns: &[&str]) -> Result<csv::Writer<Vec<u8>>, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    record(&mut writer, columns.iter().map(|column| column.replace('/', "_")))?;
    Ok(writer)
}

fn cells(columns: &[&str], row: &Value) -> impl Iterator<Item = String> {
    columns.iter().map(|column| cell(row.pointer(&format!("/{column}"))))
}

fn file(writer: csv::Writer<Vec<u8>>) -> Result<Response, Problem> {
    let mut response = writer.into_inner().map_err(|_| Problem::internal())?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"koi.csv\""));
    Ok(response)
}

fn record(writer: &mut csv::Writer<Vec<u8>>, cells: impl Iterator<Item = String>) -> Result<(), Problem> {
    writer.write_record(cells).map_err(|_| Problem::internal())
}

/// A value as a cell. A text that a spreadsheet would take for a formula is told apart by an apostrophe.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_no_formulas() {
        for (value, want) in [
            (json!("=1+1"), "'=1+1"),
            (json!("@x"), "'@x"),
            (json!("plain"), "plain"),
            (json!(-5), "-5"),
            (json!(null), ""),
            (json!(["a"]), "[\"a\"]"),
        ] {
            assert_eq!(cell(Some(&value)), want);
        }
    }

    #[test]
    fn the_query_counts_more_than_what_is_accepted() {
        let headers = |accept: &str| {
            let value = HeaderValue::from_str(accept).unwrap();
            [(header::ACCEPT, value)].into_iter().collect::<HeaderMap>()
        };
        for (format, accept, want) in [
            (None, "*/*", Ok(Format::Json)),
            (None, "text/csv", Ok(Format::Csv)),
            (Some("json"), "text/csv", Ok(Format::Json)),
            (Some("csv"), "application/json", Ok(Format::Csv)),
            (Some("xml"), "", Err("invalid_query")),
        ] {
            assert_eq!(wanted(format, &headers(accept)).map_err(|p| p.code), want, "{format:?} {accept:?}");
        }
    }
}
