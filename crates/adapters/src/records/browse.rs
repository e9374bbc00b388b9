//! Lists across shoppers. No index serves them but the primary keys: a question walks ids from where it stands and looks
//! at [`SCAN`] rows at most, so that none holds the records up however rare what it looks for is.

use super::lists::{AWARD, award};
use super::orders::{ORDER, order};
use super::projection::part;
use super::{Store, big, bits, get, number, whole};
use app::ports::{Browse, FunnelCount, PortResult, RowFilter, Scanned, ShopperFilter, Span, StepCount, StoredAccount};
use app::rows::{AwardRow, DrawRow, OrderRow};
use async_trait::async_trait;
use domain::ids::{AwardId, CampaignId, DrawId, PARTITIONS, ShopperId};
use sea_orm::{DbErr, QueryResult, Value};

/// Rows that one question looks at.
const SCAN: i64 = 20_000;
/// An account is more to read than a row.
const SCAN_ACCOUNTS: i64 = 5_000;
/// Shoppers of a campaign that its funnel counts one by one.
const FUNNEL_MAX: i64 = 1_000_000;

const DRAW: &str = "SELECT id, n, key_high, key_low, request, pos, award, shopper, campaign FROM draws";

fn draw(row: &QueryResult) -> Result<DrawRow, DbErr> {
    Ok(DrawRow {
        id: DrawId(big(row, 0)?),
        n: big(row, 1)?,
        key: whole(row, 2)?,
        request: get::<i64>(row, 4)? as u64,
        offset: big(row, 5)?,
        award: get::<Option<i64>>(row, 6)?.map(|id| AwardId(id as u64)),
        shopper: ShopperId(big(row, 7)?),
        campaign: CampaignId(big(row, 8)?),
    })
}

/// A walk over ids: what bounds it, and what of it is wanted.
struct Walk {
    inside: String,
    inside_values: Vec<Value>,
    wanted: String,
    wanted_values: Vec<Value>,
    order: &'static str,
    scan: i64,
}

impl Walk {
    fn new(span: Span, scan: i64) -> Self {
        let mut walk = Self {
            inside: "1 = 1".into(),
            inside_values: Vec::new(),
            wanted: "1 = 1".into(),
            wanted_values: Vec::new(),
            order: if span.oldest_first { "ASC" } else { "DESC" },
            scan,
        };
        if let Some(id) = span.behind {
            walk.inside(if span.oldest_first { "id > ?" } else { "id < ?" }, bits(id));
        }
        walk
    }

    /// A condition that an index serves.
    fn inside(&mut self, condition: &str, value: Value) {
        self.inside.push_str(" AND ");
        self.inside.push_str(condition);
        self.inside_values.push(value);
    }

    fn wanted(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.wanted.push_str(" AND ");
        self.wanted.push_str(condition);
        self.wanted_values.extend(values);
    }

    fn of(filter: &RowFilter, span: Span) -> Self {
        let mut walk = Self::new(span, SCAN);
        if let Some(from) = filter.from_ms {
            walk.inside("id >= ?", bits(DrawId::first_at(from).0));
        }
        if let Some(until) = filter.until_ms {
            walk.inside("id < ?", bits(DrawId::first_at(until).0));
        }
        if let Some(shopper) = filter.shopper {
            walk.inside("shopper = ?", bits(shopper.0));
            walk.inside("part = ?", part(shopper));
        }
        if let Some(campaign) = filter.campaign {
            walk.wanted("campaign = ?", [bits(campaign.0)]);
        }
        walk
    }

    /// `select` ends with its table's name.
    fn sql(&self, select: &str, limit: u32) -> (String, Vec<Value>) {
        let (columns, table) = select.split_once(" FROM ").unwrap_or((select, ""));
        let Self { inside, wanted, order, .. } = self;
        let sql = format!(
            "{columns} FROM (SELECT * FROM {table} WHERE {inside} ORDER BY id {order} LIMIT ?) AS walked
             WHERE {wanted} ORDER BY id {order} LIMIT ?"
        );
        let mut values = self.inside_values.clone();
        values.push(self.scan.into());
        values.extend(self.wanted_values.iter().cloned());
        values.push(i64::from(limit).into());
        (sql, values)
    }

    /// The same without a table made of a table, which the proxy cannot put together; the walk ends at `end`.
    fn plain_sql(&self, select: &str, end: Option<u64>, limit: u32) -> (String, Vec<Value>) {
        let Self { inside, wanted, order, .. } = self;
        let mut values = self.inside_values.clone();
        let until = match end {
            None => "",
            Some(_) if *order == "ASC" => " AND id <= ?",
            Some(_) => " AND id >= ?",
        };
        values.extend(end.map(bits));
        values.extend(self.wanted_values.iter().cloned());
        values.push(i64::from(limit).into());
        (format!("{select} WHERE {inside}{until} AND {wanted} ORDER BY id {order} LIMIT ?"), values)
    }
}

impl Store {
    async fn count(&self, sql: &str, values: Vec<Value>) -> PortResult<u64> {
        Ok(self.one(sql, values, |row| big(row, 0)).await?.unwrap_or(0))
    }

    /// Shoppers whom `select` finds, up to [`FUNNEL_MAX`]. It is given a condition to end its own with: before several
    /// databases each partition is counted by itself, since the proxy adds up plain counts only.
    async fn shoppers_of(&self, select: impl Fn(&str) -> String, values: Vec<Value>) -> PortResult<u64> {
        let parts: Vec<String> = match self.read.is_mysql() {
            true => (0..PARTITIONS).map(|part| format!(" AND part = {part}")).collect(),
            false => vec![String::new()],
        };
        let mut found = 0;
        for here in parts {
            let sql = format!("SELECT count(*) FROM ({} LIMIT ?) AS found", select(&here));
            let bound = [Value::from(FUNNEL_MAX)];
            found += self.count(&sql, values.iter().cloned().chain(bound).collect()).await?;
        }
        Ok(found.min(FUNNEL_MAX.unsigned_abs()))
    }

    /// Where a walk ends: the id of the last row that it looks at, where there are so many.
    async fn end_of(&self, table: &str, walk: &Walk) -> PortResult<Option<u64>> {
        let Walk { inside, order, .. } = walk;
        let sql = format!("SELECT id FROM {table} WHERE {inside} ORDER BY id {order} LIMIT 1 OFFSET ?");
        let mut values = walk.inside_values.clone();
        values.push((walk.scan - 1).into());
        self.one(&sql, values, |row| big(row, 0)).await
    }

    async fn walk<T>(
        &self,
        select: &str,
        walk: Walk,
        limit: u32,
        row: impl Fn(&QueryResult) -> Result<T, DbErr>,
        id: impl Fn(&T) -> u64,
    ) -> PortResult<Scanned<T>> {
        let (_, table) = select.split_once(" FROM ").unwrap_or((select, ""));
        let several = self.read.is_mysql();
        // Several databases each walk by themselves: first where all of them together end.
        let end = if several { self.end_of(table, &walk).await? } else { None };
        let (sql, values) = if several { walk.plain_sql(select, end, limit + 1) } else { walk.sql(select, limit + 1) };
        let mut rows = self.all(&sql, values, row).await?;
        if rows.len() > limit as usize {
            rows.truncate(limit as usize);
            let behind = rows.last().map(id);
            return Ok(Scanned { rows, behind });
        }
        // Fewer than asked for: either there are no more, or the walk ended before it came to them.
        let behind = if several { end } else { self.end_of(table, &walk).await? };
        Ok(Scanned { rows, behind })
    }
}

#[async_trait]
impl Browse for Store {
    async fn shoppers(&self, filter: &ShopperFilter, span: Span) -> PortResult<Scanned<StoredAccount>> {
        let mut walk = Walk::new(span, SCAN_ACCOUNTS);
        if let Some(prefix) = &filter.prefix {
            walk.inside("external_id >= ?", prefix.clone().into());
            walk.inside("external_id < ?", format!("{prefix}\u{10ffff}").into());
        }
        // An erased account has a name that begins with a control character.
        walk.wanted("external_id > ?", [Value::from("\u{1f}")]);
        if filter.blocked {
            walk.wanted("state LIKE ?", [Value::from("%\"bans\":[{%")]);
        }
        let row = |row: &QueryResult| {
            let state: String = get(row, 1)?;
            let account = serde_json::from_str(&state).map_err(|error| DbErr::Json(error.to_string()))?;
            Ok(StoredAccount { account, next: big(row, 0)? })
        };
        self.walk("SELECT next, state FROM accounts", walk, span.limit, row, |stored| stored.account.id.0).await
    }

    async fn all_draws(&self, filter: &RowFilter, span: Span) -> PortResult<Scanned<DrawRow>> {
        let mut walk = Walk::of(filter, span);
        match filter.won {
            Some(true) => walk.wanted("award IS NOT NULL", []),
            Some(false) => walk.wanted("award IS NULL", []),
            None => {}
        }
        self.walk(DRAW, walk, span.limit, draw, |row| row.id.0).await
    }

    async fn all_awards(&self, filter: &RowFilter, span: Span) -> PortResult<Scanned<AwardRow>> {
        let mut walk = Walk::of(filter, span);
        if let Some(state) = filter.award_state {
            walk.wanted("state = ?", [state.word().into()]);
        }
        if let Some(prizes) = &filter.prizes {
            let marks = super::bulk::marks(prizes.len().max(1));
            let none = prizes.is_empty().then(|| Value::from(-1i64));
            let values = prizes.iter().map(|prize| i64::from(*prize).into()).chain(none);
            walk.wanted(&format!("prize IN ({marks})"), values);
        }
        self.walk(AWARD, walk, span.limit, award, |row| row.id.0).await
    }

    async fn all_orders(&self, filter: &RowFilter, span: Span) -> PortResult<Scanned<OrderRow>> {
        let mut walk = Walk::of(filter, span);
        if let Some(state) = filter.order_state {
            walk.wanted("state = ?", [state.word().into()]);
        }
        if let Some(kind) = filter.order_kind {
            walk.wanted("kind = ?", [kind.word().into()]);
        }
        self.walk(ORDER, walk, span.limit, order, |row| row.id.0).await
    }

    async fn behaviours(&self, shopper: ShopperId, skip: u64, limit: u32) -> PortResult<Vec<String>> {
        let sql = "SELECT payload FROM behaviours WHERE shopper = ? AND part = ? ORDER BY at DESC, key_high, key_low LIMIT ? OFFSET ?";
        let values = vec![bits(shopper.0), part(shopper), i64::from(limit).into(), bits(skip)];
        self.all(sql, values, |row| get(row, 0)).await
    }

    async fn steps(
        &self,
        campaign: CampaignId,
        from_ms: i64,
        until_ms: i64,
        step_ms: i64,
    ) -> PortResult<Vec<StepCount>> {
        let values = || {
            vec![
                step_ms.into(),
                bits(campaign.0),
                bits(DrawId::first_at(from_ms).0),
                bits(DrawId::first_at(until_ms).0),
            ]
        };
        // Ids hold their time above 22 bits; the divisions are of whole numbers.
        let at = "(id / 4194304 / ?)";
        let draws =
            format!("SELECT {at} AS step, count(*) FROM draws WHERE campaign = ? AND id >= ? AND id < ? GROUP BY step");
        let wins = format!(
            "SELECT {at} AS step, count(*), prize FROM awards WHERE campaign = ? AND id >= ? AND id < ? GROUP BY step, prize"
        );
        let start = |row: &QueryResult| Ok::<_, DbErr>(DrawId::EPOCH_MS + get::<i64>(row, 0)? * step_ms);
        let of_draws = |row: &QueryResult| Ok(StepCount { at_ms: start(row)?, prize: None, count: big(row, 1)? });
        let of_wins =
            |row: &QueryResult| Ok(StepCount { at_ms: start(row)?, prize: Some(number(row, 2)?), count: big(row, 1)? });
        let mut steps = self.all(&draws, values(), of_draws).await?;
        steps.extend(self.all(&wins, values(), of_wins).await?);
        Ok(steps)
    }

    async fn funnel(&self, campaign: CampaignId) -> PortResult<FunnelCount> {
        let here = || bits(campaign.0);
        Ok(FunnelCount {
            behaved: self.count("SELECT count(*) FROM profiles", vec![]).await?,
            strategies: self.count("SELECT count(*) FROM strategies WHERE campaign = ?", vec![here()]).await?,
            drew: self
                .shoppers_of(|here| format!("SELECT DISTINCT shopper FROM draws WHERE campaign = ?{here}"), vec![here()])
                .await?,
            bought_after: self
                .shoppers_of(
                    |here| {
                        let (here, there) = (here.replace("part", "o.part"), here.replace("part", "d.part"));
                        format!(
                            "SELECT DISTINCT o.shopper FROM orders o WHERE o.campaign = ? AND o.kind = 'purchase' AND EXISTS
                             (SELECT 1 FROM draws d WHERE d.shopper = o.shopper AND d.id < o.id AND d.campaign = ?{there}){here}"
                        )
                    },
                    vec![here(), here()],
                )
                .await?,
        })
    }

    async fn ping(&self) -> PortResult<()> {
        self.one("SELECT 1", vec![], |_| Ok(())).await.map(|_| ())
    }

    fn engine(&self) -> &'static str {
        if self.read.is_mysql() { "mysql" } else { "sqlite" }
    }
}
