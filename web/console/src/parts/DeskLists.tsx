import { must, type Schema } from "@koi/client";
import { Button, DatePicker, Input, Select } from "antd";
import { DownloadOutlined } from "@ant-design/icons";
import dayjs from "dayjs";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { koi } from "../lib/koi";
import { compact } from "../lib/path";
import { useTexts } from "../lib/texts";
import { useMay } from "../lib/session";
import { Address } from "./Address";
import { Id, Money, Num, State, Time } from "./basics";
import { useFilters } from "../lib/filters";
import { ServerTable } from "./ServerTable";

/** Whose rows are listed: of one campaign, of one shopper, of both. */
export interface Scope {
  campaign_id?: string;
  shopper?: string;
}

const AWARD_STATES = ["granting", "granted", "failed", "claimed", "expired"];
const ORDER_STATES = ["pending_payment", "effective", "used", "expired", "closed"];
const ORDER_KINDS = ["sign_in", "paid", "redeem", "points", "purchase", "referral", "grant"];
type Query = Record<string, string | undefined>;

function csvOf(path: string, query: Query): string {
  return `${path}?${new URLSearchParams({ ...compact(query), format: "csv" } as Record<string, string>).toString()}`;
}

/** What every list can be narrowed by: the shopper, the time, the order, and what is its own. */
function useRows(scope: Scope, path: string) {
  const { t } = useTexts();
  const [filters, set] = useFilters(["shopper", "from", "until", "sort", "state", "kind", "won", "prize"]);
  const query: Query = { ...filters, ...scope };
  const choice = (name: "state" | "kind" | "won" | "sort" | "prize", label: string, options: { value: string; label: string }[]): ReactNode => (
    <Select key={name} allowClear value={filters[name] ?? null} onChange={(value: string | null) => set(name, value)} placeholder={label} aria-label={label} options={options} style={{ width: 160 }} />
  );
  const common = (
    <>
      {scope.shopper === undefined && (
        <Input.Search
          key={filters.shopper ?? ""}
          allowClear
          defaultValue={filters.shopper ?? ""}
          placeholder={t("shopper.external_id")}
          aria-label={t("shopper.external_id")}
          onSearch={(value) => set("shopper", value.trim())}
          style={{ width: 200 }}
        />
      )}
      <DatePicker.RangePicker
        aria-label={t("audit.by_time")}
        value={filters.from && filters.until ? [dayjs(filters.from), dayjs(filters.until).subtract(1, "day")] : null}
        onChange={(range) => {
          set("from", range?.[0]?.startOf("day").toISOString());
          set("until", range?.[1]?.add(1, "day").startOf("day").toISOString());
        }}
      />
      {choice("sort", t("table.sort"), [
        { value: "-id", label: t("table.newest") },
        { value: "id", label: t("table.oldest") },
      ])}
      <Button icon={<DownloadOutlined aria-hidden />} href={csvOf(path, query)}>
        {t("common.export_csv")}
      </Button>
    </>
  );
  return { query, choice, common };
}

const shopperColumn = (title: string) => ({ title, key: "shopper", render: (_: unknown, row: { shopper: string }) => <Link to={`/shoppers/${encodeURIComponent(row.shopper)}`}>{row.shopper}</Link> });
const campaignColumn = (title: string) => ({ title, key: "campaign", render: (_: unknown, row: { campaign_id?: string | null }) => (row.campaign_id ? <Link to={`/campaigns/${row.campaign_id}`}>{row.campaign_id}</Link> : "–") });

/** Draws of all shoppers. */
export function DrawList({ scope }: { scope: Scope }) {
  const { t, word } = useTexts();
  const { query, choice, common } = useRows(scope, "/api/v1/desk/draws");
  return (
    <ServerTable<Schema<"DeskDraw">>
      name={["desk", "draws", query]}
      label={t("campaign.draws")}
      hasExport
      filters={
        <>
          {choice("won", t("table.won"), [
            { value: "true", label: t("table.won_yes") },
            { value: "false", label: t("table.won_no") },
          ])}
          {common}
        </>
      }
      load={(page, signal) => must(koi.GET("/api/v1/desk/draws", { params: { query: { ...page, ...compact({ ...query, state: undefined, kind: undefined, prize: undefined }) } as never }, signal }))}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.drawn_at} /> },
        ...(scope.shopper === undefined ? [shopperColumn(t("table.shopper"))] : []),
        ...(scope.campaign_id === undefined ? [campaignColumn(t("nav.campaign"))] : []),
        { title: t("table.ordinal"), key: "n", align: "right", render: (_, row) => <Num value={row.n} /> },
        { title: t("design.prize_name"), key: "prize", className: "k-wrap", render: (_, row) => row.prize.name },
        { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", row.prize.kind) },
        { title: t("table.pool"), key: "pool", render: (_, row) => row.pool },
        { title: t("campaign.awards"), key: "award", render: (_, row) => (row.award ? <State group="award_state" state={row.award.state} /> : "–") },
        { title: "ID", key: "id", render: (_, row) => <Id value={row.id} /> },
      ]}
    />
  );
}

/** Awards of all shoppers. */
export function AwardList({ scope, prizes = [] }: { scope: Scope; prizes?: { code: string; name: string }[] }) {
  const { t, word } = useTexts();
  const may = useMay();
  const { query, choice, common } = useRows(scope, "/api/v1/desk/awards");
  return (
    <ServerTable<Schema<"ShopAward">>
      name={["desk", "awards", query]}
      label={t("campaign.awards")}
      hasExport
      filters={
        <>
          {choice("state", t("campaign.state"), AWARD_STATES.map((value) => ({ value, label: word("award_state", value) })))}
          {prizes.length > 0 && choice("prize", t("design.prize_name"), prizes.map((prize) => ({ value: prize.code, label: prize.name })))}
          {common}
        </>
      }
      load={(page, signal) => must(koi.GET("/api/v1/desk/awards", { params: { query: { ...page, ...compact({ ...query, kind: undefined, won: undefined }) } as never }, signal }))}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.at} /> },
        ...(scope.shopper === undefined ? [shopperColumn(t("table.shopper"))] : []),
        ...(scope.campaign_id === undefined ? [campaignColumn(t("nav.campaign"))] : []),
        { title: t("design.prize_name"), key: "prize", className: "k-wrap", render: (_, row) => row.prize.name },
        { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", row.prize.kind) },
        { title: t("campaign.state"), key: "state", render: (_, row) => <State group="award_state" state={row.state} /> },
        { title: t("unit.points"), key: "points", align: "right", render: (_, row) => (row.points ? <Num value={row.points} /> : "–") },
        { title: t("shopper.claim_by"), key: "by", render: (_, row) => <Time at={row.claim_by} /> },
        { title: "ID", key: "id", render: (_, row) => <Id value={row.id} /> },
        ...(may("shoppers_read") ? [{ title: t("award.address"), key: "address", render: (_: unknown, row: Schema<"ShopAward">) => (row.prize.kind === "goods" && row.state === "claimed" ? <Address award={row.id} prize={row.prize.name} /> : "–") }] : []),
      ]}
    />
  );
}

/** Orders of all shoppers. */
export function OrderList({ scope, currency }: { scope: Scope; currency?: string | undefined }) {
  const { t, word } = useTexts();
  const { query, choice, common } = useRows(scope, "/api/v1/desk/orders");
  return (
    <ServerTable<Schema<"DeskOrder">>
      name={["desk", "orders", query]}
      label={t("campaign.orders")}
      hasExport
      filters={
        <>
          {choice("kind", t("design.kind"), ORDER_KINDS.map((value) => ({ value, label: word("order_kind", value) })))}
          {choice("state", t("campaign.state"), ORDER_STATES.map((value) => ({ value, label: word("order_state", value) })))}
          {common}
        </>
      }
      load={(page, signal) => must(koi.GET("/api/v1/desk/orders", { params: { query: { ...page, ...compact({ ...query, won: undefined, prize: undefined }) } as never }, signal }))}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.created_at} /> },
        ...(scope.shopper === undefined ? [shopperColumn(t("table.shopper"))] : []),
        ...(scope.campaign_id === undefined ? [campaignColumn(t("nav.campaign"))] : []),
        { title: t("design.kind"), key: "kind", render: (_, row) => word("order_kind", row.kind) },
        { title: t("campaign.state"), key: "state", render: (_, row) => <State group="order_state" state={row.state} /> },
        { title: t("report.chances"), key: "chances", align: "right", render: (_, row) => <Num value={row.chances} /> },
        { title: t("report.left"), key: "left", align: "right", render: (_, row) => <Num value={row.left} /> },
        { title: t("refunds.amount"), key: "price", align: "right", render: (_, row) => (row.price_cents ? <Money cents={row.price_cents} currency={currency} /> : row.price_points ? <><Num value={row.price_points} /> {t("unit.points")}</> : "–") },
        { title: t("operators.expires_at"), key: "exp", render: (_, row) => <Time at={row.expires_at} /> },
        { title: t("table.reason"), key: "reason", className: "k-wrap", render: (_, row) => row.reason ?? "–" },
        { title: "ID", key: "id", render: (_, row) => <Id value={row.id} /> },
      ]}
    />
  );
}
