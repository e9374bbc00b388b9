import { must, type Schema } from "@koi/client";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Id, Money, Time } from "../../parts/basics";
import { ServerTable } from "../../parts/ServerTable";
import { useCampaign } from "./CampaignFrame";

/** Payments that came after their order was closed: the shop owes them back. */
export function Refunds() {
  const { campaign } = useCampaign();
  const { t, word } = useTexts();
  return (
    <>
      <p className="k-muted">{t("refunds.note")}</p>
      <ServerTable<Schema<"Refund">>
        name={["campaign", campaign.id, "refunds"]}
        label={t("campaign.refunds")}
        empty={t("refunds.none")}
        load={(query, signal) => must(koi.GET("/api/v1/campaigns/{id}/refunds", { params: { path: { id: campaign.id }, query }, signal }))}
        rowKey={(row) => row.id}
        columns={[
          { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.at} /> },
          { title: t("refunds.order"), key: "order", render: (_, row) => <Id value={row.order_id} /> },
          { title: t("table.shopper"), key: "shopper", render: (_, row) => row.shopper ?? "–" },
          { title: t("refunds.amount"), key: "amount", align: "right", render: (_, row) => <Money cents={row.amount_cents} currency={campaign.currency} /> },
          { title: t("refunds.payment"), key: "payment", render: (_, row) => <Id value={row.payment_id} /> },
          { title: t("table.reason"), key: "reason", className: "k-wrap", render: (_, row) => word("refund_reason", row.reason) },
        ]}
      />
    </>
  );
}
