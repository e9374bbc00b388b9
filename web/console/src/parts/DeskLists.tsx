import { must, type Schema } from "@koi/client";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { koi } from "../lib/koi";
import { useTexts } from "../lib/texts";
import { useMay } from "../lib/session";
import { Address } from "./Address";
import { Id, Money, Num, State, Time } from "./basics";
import type { Filter } from "./Filters";
import { ServerTable } from "./ServerTable";

/** Whose rows are listed: of one campaign, of one shopper, of both. */
export type Scope = {
  campaign_id?: string;
  shopper?: string;
};

/** The newest campaigns, for choosing one and for their names. */
export const CAMPAIGNS = {
  queryKey: ["campaigns", "choice"],
  queryFn: ({ signal }: { signal: AbortSignal }) => must(koi.GET("/api/v1/campaigns", { params: { query: { limit: 200 } }, signal })),
  staleTime: 30_000,
};

const AWARD_STATES = ["granting", "granted", "failed", "claimed", "expired"];
const ORDER_STATES = ["pending_payment", "effective", "used", "expired", "closed"];
const ORDER_KINDS = ["sign_in", "paid", "redeem", "points", "purchase", "referral", "grant", "exchange"];

/** What every such list can be narrowed by, behind what is its own. */
function useCommon(scope: Scope): Filter[] {
  const { t } = useTexts();
  const whose: Filter[] = scope.shopper === undefined ? [{ kind: "text", name: "shopper", label: t("shopper.external_id") }] : [];
  return [...whose, { kind: "days", label: t("audit.by_time") }];
}

/** A choice among words of a group. */
export function useChoice(): (name: string, label: string, group: string, values: readonly string[]) => Filter {
  const { word } = useTexts();
  return (name, label, group, values) => ({ kind: "choice", name, label, options: values.map((value) => ({ value, label: word(group, value) })) });
}

const shopperColumn = (title: string) => ({ title, key: "shopper", render: (_: unknown, row: { shopper: string }) => <ShopperLink shopper={row.shopper} /> });
const campaignColumn = (title: string) => ({ title, key: "campaign", className: "k-wrap", render: (_: unknown, row: { campaign_id?: string | null }) => <CampaignLink id={row.campaign_id} /> });

/** A campaign by its name where it is among those that the console knows. */
export function CampaignLink({ id }: { id: string | null | undefined }) {
  const may = useMay();
  const known = useQuery({ ...CAMPAIGNS, enabled: may("campaigns_read") });
  if (!id) return <>–</>;
  return <Link to={`/campaigns/${id}`}>{known.data?.data.find((one) => one.id === id)?.name ?? id}</Link>;
}

export function ShopperLink({ shopper }: { shopper: string | null | undefined }) {
  return shopper ? <Link to={`/shoppers/${encodeURIComponent(shopper)}`}>{shopper}</Link> : <>–</>;
}

/** Draws of all shoppers. */
export function DrawList({ scope }: { scope: Scope }) {
  const { t, word } = useTexts();
  const common = useCommon(scope);
  const won: Filter = {
    kind: "choice",
    name: "won",
    label: t("table.won"),
    options: [
      { value: "true", label: t("table.won_yes") },
      { value: "false", label: t("table.won_no") },
    ],
  };
  return (
    <ServerTable<Schema<"DeskDraw">>
      path="/desk/draws"
      name={["desk", "draws"]}
      label={t("campaign.draws")}
      scope={scope}
      filters={[won, ...common]}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", sort: "id", render: (_, row) => <Time at={row.drawn_at} /> },
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
  const common = useCommon(scope);
  const choice = useChoice();
  const ofPrize: Filter[] = prizes.length > 0 ? [{ kind: "choice", name: "prize", label: t("design.prize_name"), options: prizes.map((prize) => ({ value: prize.code, label: prize.name })) }] : [];
  return (
    <ServerTable<Schema<"ShopAward">>
      path="/desk/awards"
      name={["desk", "awards"]}
      label={t("campaign.awards")}
      scope={scope}
      filters={[choice("state", t("table.every_state"), "award_state", AWARD_STATES), ...ofPrize, ...common]}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", sort: "id", render: (_, row) => <Time at={row.at} /> },
        ...(scope.shopper === undefined ? [shopperColumn(t("table.shopper"))] : []),
        ...(scope.campaign_id === undefined ? [campaignColumn(t("nav.campaign"))] : []),
        { title: t("design.prize_name"), key: "prize", className: "k-wrap", render: (_, row) => row.prize.name },
        { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", row.prize.kind) },
        { title: t("campaign.state"), key: "state", render: (_, row) => <State group="award_state" state={row.state} /> },
        { title: t("shopper.points"), key: "points", align: "right", render: (_, row) => (row.points ? <Num value={row.points} /> : "–") },
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
  const common = useCommon(scope);
  const choice = useChoice();
  return (
    <ServerTable<Schema<"DeskOrder">>
      path="/desk/orders"
      name={["desk", "orders"]}
      label={t("campaign.orders")}
      scope={scope}
      filters={[choice("kind", t("design.kind"), "order_kind", ORDER_KINDS), choice("state", t("table.every_state"), "order_state", ORDER_STATES), ...common]}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", sort: "id", render: (_, row) => <Time at={row.created_at} /> },
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

/** Orders of the exchange shop: what was bought with points, by whom, and how it stands. */
export function ExchangeOrderList({ nameOf }: { nameOf: (item: string) => string | undefined }) {
  const { t } = useTexts();
  const common = useCommon({});
  const choice = useChoice();
  return (
    <ServerTable<Schema<"DeskOrder">>
      path="/desk/orders"
      name={["desk", "orders", "exchange"]}
      label={t("exchange.orders")}
      empty={t("exchange.no_orders")}
      scope={{ kind: "exchange" }}
      filters={[choice("state", t("table.every_state"), "order_state", ORDER_STATES), ...common]}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", sort: "id", render: (_, row) => <Time at={row.created_at} /> },
        shopperColumn(t("table.shopper")),
        { title: t("exchange.item"), key: "item", className: "k-wrap", render: (_, row) => (row.item_id ? (nameOf(row.item_id) ?? <Id value={row.item_id} />) : "–") },
        { title: t("exchange.quantity"), key: "quantity", align: "right", render: (_, row) => <Num value={row.quantity} /> },
        { title: t("exchange.price"), key: "price", align: "right", render: (_, row) => <Num value={row.price_points} /> },
        { title: t("campaign.state"), key: "state", render: (_, row) => <State group="order_state" state={row.state} /> },
        { title: t("report.chances"), key: "chances", align: "right", render: (_, row) => (row.chances > 0 ? <Num value={row.chances} /> : "–") },
        { title: "ID", key: "id", render: (_, row) => <Id value={row.id} /> },
      ]}
    />
  );
}
