import type { Schema } from "@koi/client";
import { Tag } from "antd";
import { useTexts } from "../../lib/texts";
import { Head, Num, Time } from "../../parts/basics";
import { ShopperLink } from "../../parts/DeskLists";
import { ServerTable } from "../../parts/ServerTable";

/** All shoppers, by the start of the shop's own id, or those who are restricted. */
export function Shoppers() {
  const { t, word } = useTexts();
  return (
    <>
      <Head title={t("nav.shoppers")} />
      <ServerTable<Schema<"ShopperRow">>
        path="/shoppers"
        name={["shoppers"]}
        label={t("nav.shoppers")}
        filters={[
          { kind: "text", name: "q", label: t("shopper.starts_with"), width: 260 },
          { kind: "choice", name: "blocked", label: t("shopper.everyone"), options: [{ value: "true", label: t("shopper.only_blocked") }] },
        ]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("shopper.external_id"), key: "id", render: (_, row) => <ShopperLink shopper={row.external_id} /> },
          { title: t("operators.name"), key: "name", render: (_, row) => row.name ?? "–" },
          { title: t("shopper.points"), key: "points", align: "right", render: (_, row) => <Num value={row.points} /> },
          { title: t("report.draws"), key: "draws", align: "right", render: (_, row) => <Num value={row.draws} /> },
          { title: t("shopper.risk"), key: "risk", align: "right", render: (_, row) => <Num value={row.risk_score} /> },
          {
            title: t("shopper.block"),
            key: "blocked",
            render: (_, row) => (row.blacklist.length === 0 ? "–" : row.blacklist.map((one, index) => <Tag key={`${one.campaign_id ?? ""}-${index}`} color="error">{word("block_mode", one.mode ?? "refuse")}</Tag>)),
          },
          { title: t("shopper.registered_at"), key: "at", sort: "id", render: (_, row) => <Time at={row.registered_at} /> },
        ]}
      />
    </>
  );
}
