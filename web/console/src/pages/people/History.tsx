import { must, type Schema } from "@koi/client";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Money, Num, Time } from "../../parts/basics";
import { ServerTable } from "../../parts/ServerTable";

/** What a shopper did, newest first. */
export function Events({ shopper }: { shopper: string }) {
  const { t, word } = useTexts();
  return (
    <ServerTable<Schema<"ShopperEvent">>
      name={["shopper", shopper, "events"]}
      label={t("shopper.behaviour")}
      load={(query, signal) => must(koi.GET("/api/v1/shoppers/{external_id}/events", { params: { path: { external_id: shopper }, query }, signal }))}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.at} /> },
        { title: t("design.kind"), key: "type", render: (_, row) => word("behaviour", row.type) },
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
  return (
    <ServerTable<Schema<"Entry">>
      name={["shopper", shopper, "points"]}
      label={t("unit.points")}
      load={(query, signal) => must(koi.GET("/api/v1/shoppers/{external_id}/points/entries", { params: { path: { external_id: shopper }, query }, signal }))}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.at} /> },
        { title: t("shopper.amount"), key: "amount", align: "right", render: (_, row) => <span className="k-num">{row.amount > 0 ? "+" : ""}<Num value={row.amount} /></span> },
        { title: t("shopper.balance"), key: "balance", align: "right", render: (_, row) => <Num value={row.balance} /> },
        { title: t("design.kind"), key: "contra", render: (_, row) => word("contra", row.contra) },
        { title: t("table.reason"), key: "reason", className: "k-wrap", render: (_, row) => row.reason },
        { title: t("operators.expires_at"), key: "exp", render: (_, row) => <Time at={row.expires_at} /> },
      ]}
    />
  );
}
