import { must, type Schema } from "@koi/client";
import { Button, Input, Select, Tag } from "antd";
import { DownloadOutlined } from "@ant-design/icons";
import { Link } from "react-router";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Head, Num, Time } from "../../parts/basics";
import { useFilters } from "../../lib/filters";
import { ServerTable } from "../../parts/ServerTable";

/** All shoppers, by the start of the shop's own id, or those who are restricted. */
export function Shoppers() {
  const { t, word } = useTexts();
  const [filters, set] = useFilters(["q", "blocked"]);
  const query = { ...(filters.q ? { q: filters.q } : {}), ...(filters.blocked === "true" ? { blocked: true } : {}) };
  const csv = new URLSearchParams({ ...filters, format: "csv" }).toString();
  return (
    <>
      <Head title={t("nav.shoppers")}>
        <Button icon={<DownloadOutlined aria-hidden />} href={`/api/v1/shoppers?${csv}`}>
          {t("common.export_csv")}
        </Button>
      </Head>
      <ServerTable<Schema<"ShopperRow">>
        name={["shoppers", filters]}
        label={t("nav.shoppers")}
        hasExport
        filters={
          <>
            <Input.Search
              key={filters.q ?? ""}
              allowClear
              defaultValue={filters.q ?? ""}
              placeholder={t("shopper.starts_with")}
              aria-label={t("shopper.starts_with")}
              onSearch={(value) => set("q", value.trim())}
              style={{ width: 260 }}
            />
            <Select
              allowClear
              value={filters.blocked ?? null}
              placeholder={t("shopper.everyone")}
              aria-label={t("shopper.block")}
              onChange={(value: string | null) => set("blocked", value)}
              options={[{ value: "true", label: t("shopper.only_blocked") }]}
              style={{ width: 180 }}
            />
          </>
        }
        load={(page, signal) => must(koi.GET("/api/v1/shoppers", { params: { query: { ...page, ...query } }, signal }))}
        rowKey={(row) => row.id}
        columns={[
          { title: t("shopper.external_id"), key: "id", render: (_, row) => <Link to={`/shoppers/${encodeURIComponent(row.external_id)}`}>{row.external_id}</Link> },
          { title: t("operators.name"), key: "name", render: (_, row) => row.name ?? "–" },
          { title: t("unit.points"), key: "points", align: "right", render: (_, row) => <Num value={row.points} /> },
          { title: t("report.draws"), key: "draws", align: "right", render: (_, row) => <Num value={row.draws} /> },
          { title: t("shopper.risk"), key: "risk", align: "right", render: (_, row) => <Num value={row.risk_score} /> },
          {
            title: t("shopper.block"),
            key: "blocked",
            render: (_, row) => (row.blacklist.length === 0 ? "–" : row.blacklist.map((one, index) => <Tag key={`${one.campaign_id ?? ""}-${index}`} color="error">{word("block_mode", one.mode ?? "refuse")}</Tag>)),
          },
          { title: t("shopper.registered_at"), key: "at", render: (_, row) => <Time at={row.registered_at} /> },
        ]}
      />
    </>
  );
}
