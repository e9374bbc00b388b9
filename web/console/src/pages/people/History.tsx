import type { Schema } from "@koi/client";
import { useTexts } from "../../lib/texts";
import { Money, Num, Time } from "../../parts/basics";
import { useChoice } from "../../parts/DeskLists";
import { ServerTable } from "../../parts/ServerTable";

/** What a shopper did, newest first. */
export function Events({ shopper }: { shopper: string }) {
  const { t, word } = useTexts();
  const choice = useChoice();
  return (
    <ServerTable<Schema<"ShopperEvent">>
      path={`/shoppers/${encodeURIComponent(shopper)}/events`}
      name={["shopper", shopper, "events"]}
      label={t("shopper.behaviour")}
      filters={[choice("type", t("design.kind"), "behaviour", ["purchase", "return", "review", "search", "view", "sign_in"])]}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", sort: "at", render: (_, row) => <Time at={row.at} /> },
        { title: t("design.kind"), key: "type", sort: "type", render: (_, row) => word("behaviour", row.type) },
        { title: t("shopper.what"), key: "what", className: "k-wrap", render: (_, row) => <What event={row} /> },
        { title: t("refunds.amount"), key: "sum", align: "right", render: (_, row) => (row.items ? <Money cents={row.items.reduce((sum, item) => sum + item.price_cents * item.quantity, 0)} /> : "–") },
      ]}
    />
  );
}

function What({ event }: { event: Schema<"ShopperEvent"> }) {
  if (event.items) return <>{event.items.map((item) => `${item.name || item.sku} × ${item.quantity}`).join(" · ")}</>;
  if (event.query) return <>“{event.query}”</>;
  if (event.rating) return <>{`${"★".repeat(event.rating)} ${event.sku ?? ""} ${event.text ?? ""}`}</>;
  return <>{event.sku ?? "–"}</>;
}

/** A shopper's points statement. */
export function Points({ shopper }: { shopper: string }) {
  const { t, word } = useTexts();
  const reasonOf = (reason: string) => {
    const known = word("points_reason", reason);
    return known === reason.replaceAll("_", " ") ? reason : known;
  };
  const choice = useChoice();
  return (
    <ServerTable<Schema<"Entry">>
      path={`/shoppers/${encodeURIComponent(shopper)}/points/entries`}
      name={["shopper", shopper, "points"]}
      label={t("shopper.points")}
      filters={[{ kind: "text", name: "q", label: t("table.reason") }, choice("contra", t("design.kind"), "contra", ["issued", "spent", "expired", "held"])]}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", sort: "at", render: (_, row) => <Time at={row.at} /> },
        { title: t("shopper.amount"), key: "amount", sort: "amount", align: "right", render: (_, row) => <span className="k-num">{row.amount > 0 ? "+" : ""}<Num value={row.amount} /></span> },
        { title: t("shopper.balance"), key: "balance", align: "right", render: (_, row) => <Num value={row.balance} /> },
        { title: t("design.kind"), key: "contra", render: (_, row) => word("contra", row.contra) },
        { title: t("table.reason"), key: "reason", sort: "reason", className: "k-wrap", render: (_, row) => reasonOf(row.reason) },
        { title: t("operators.expires_at"), key: "exp", sort: "expires_at", render: (_, row) => <Time at={row.expires_at} /> },
      ]}
    />
  );
}
