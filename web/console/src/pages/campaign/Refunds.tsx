import type { Schema } from "@koi/client";
import { useTexts } from "../../lib/texts";
import { Id, Money, Time } from "../../parts/basics";
import { ShopperLink } from "../../parts/DeskLists";
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
        path={`/campaigns/${campaign.id}/refunds`}
        name={["campaign", campaign.id, "refunds"]}
        label={t("campaign.refunds")}
        empty={t("refunds.none")}
        filters={[
          { kind: "text", name: "shopper", label: t("shopper.external_id") },
          { kind: "text", name: "q", label: t("refunds.payment") },
        ]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("table.at"), key: "at", sort: "at", render: (_, row) => <Time at={row.at} /> },
          { title: t("refunds.order"), key: "order", render: (_, row) => <Id value={row.order_id} /> },
          { title: t("table.shopper"), key: "shopper", sort: "shopper", render: (_, row) => <ShopperLink shopper={row.shopper} /> },
          { title: t("refunds.amount"), key: "amount", sort: "amount_cents", align: "right", render: (_, row) => <Money cents={row.amount_cents} currency={campaign.currency} /> },
          { title: t("refunds.payment"), key: "payment", render: (_, row) => <Id value={row.payment_id} /> },
          { title: t("table.reason"), key: "reason", className: "k-wrap", render: (_, row) => word("refund_reason", row.reason) },
        ]}
      />
    </>
  );
}
