//! Pages of lists: `?limit=` and an opaque `?cursor=`, the base64url of the last id that was shown.

use super::problem::Problem;
use app::{Page, PageAsk};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// What every list of a shopper can be asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described here: `parse` reads them")]
pub struct PageParams {
    /// 1 to 200, 50 where absent
    limit: Option<u32>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// Reads a query. Parameters of other names are left alone.
pub fn parse(query: &str) -> Result<PageAsk, Problem> {
    let limit = parse_limit(query)?;
    let before = match last(query, "cursor") {
        None | Some("") => None,
        Some(cursor) => Some(decode(cursor).ok_or_else(|| bad("cursor", "is not one that this server gave"))?),
    };
    Ok(PageAsk { limit, before })
}

/// Reads `limit` alone: 1 to 200, 50 where absent.
pub fn parse_limit(query: &str) -> Result<u32, Problem> {
    match last(query, "limit").map(str::parse) {
        None => Ok(LIMIT_DEFAULT),
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(bad("limit", "is 1 to 200")),
    }
}

/// A page whose cursor is opaque.
pub fn page<T>(page: Page<T>) -> Page<T> {
    let next_cursor = page.next_cursor.map(|id| id.parse().map(encode).unwrap_or(id));
    Page { next_cursor, ..page }
}

/// A page of a short list that is at hand whole, in its own order; the cursor counts what was shown.
pub fn cut<T>(all: Vec<T>, ask: PageAsk) -> Page<T> {
    let shown = usize::try_from(ask.before.unwrap_or(0)).unwrap_or(usize::MAX);
    let (count, until) = (all.len(), shown.saturating_add(ask.limit as usize));
    let data = all.into_iter().skip(shown).take(ask.limit as usize).collect();
    page(Page { data, next_cursor: (until < count).then(|| until.to_string()) })
}

fn encode(id: u64) -> String {
    URL_SAFE_NO_PAD.encode(id.to_be_bytes())
}

fn decode(cursor: &str) -> Option<u64> {
    let mut bytes = [0; 8];
    match URL_SAFE_NO_PAD.decode_slice(cursor, &mut bytes) {
        Ok(8) => Some(u64::from_be_bytes(bytes)).filter(|id| *id < 1 << 63),
        _ => None,
    }
}

/// The last value of a parameter. Neither limits, cursors, columns nor formats have characters that need decoding.
pub fn last<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next_back()
}

fn bad(field: &str, detail: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", format!("`{field}` {detail}"));
    Problem { field: Some(field.to_owned()), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_ask_for_pages() {
        let ask = |limit, before| Ok(PageAsk { limit, before });
        for (query, want) in [
            ("", ask(50, None)),
            ("limit=1", ask(1, None)),
            ("limit=200&cursor=", ask(200, None)),
            ("limit=3&limit=4", ask(4, None)),
            ("other=1&limit=7", ask(7, None)),
            ("cursor=AAAAAAAAAAc", ask(50, Some(7))),
            ("limit=0", Err(Some("limit"))),
            ("limit=201", Err(Some("limit"))),
            ("limit=-1", Err(Some("limit"))),
            ("limit=ten", Err(Some("limit"))),
            ("limit=99999999999999999999", Err(Some("limit"))),
            ("cursor=%00", Err(Some("cursor"))),
            ("cursor=AAAAAAAAAA", Err(Some("cursor"))),
            ("cursor=__________8", Err(Some("cursor"))),
            ("cursor=AAAAAAAAAAcAAAAAAAAABw", Err(Some("cursor"))),
        ] {
            assert_eq!(parse(query).map_err(|p| p.field), want.map_err(|f| f.map(str::to_owned)), "{query:?}");
        }
    }

    #[test]
    fn short_lists_are_cut_into_pages() {
        let (mut got, mut before) = (Vec::new(), None);
        loop {
            let page = cut(vec![1, 2, 3, 4, 5], PageAsk { limit: 2, before });
            got.push(page.data);
            let Some(cursor) = page.next_cursor else { break };
            before = decode(&cursor);
        }
        assert_eq!(got, [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(cut(vec![1], PageAsk { limit: 9, before: Some(u64::MAX >> 1) }).data, Vec::<i32>::new());
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        for id in [0, 1, 12_345_678_901_234_567, (1 << 63) - 1] {
            let shown =
                page(Page { data: Vec::<u8>::new(), next_cursor: Some(u64::to_string(&id)) }).next_cursor.unwrap();
            assert!(shown.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')), "{shown}");
            assert_eq!(decode(&shown), Some(id));
        }
    }
}
