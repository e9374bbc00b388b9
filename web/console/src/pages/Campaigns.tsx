import { must, type Schema } from "@koi/client";
import { DownloadOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Input, Select } from "antd";
import { Link, useNavigate } from "react-router";
import { koi } from "../lib/koi";
import { useMay } from "../lib/session";
import { useTexts } from "../lib/texts";
import { Head, Num, State, Time } from "../parts/basics";
import { compact } from "../lib/path";
import { useFilters } from "../lib/filters";
import { ServerTable } from "../parts/ServerTable";

const STATES = ["draft", "scheduled", "live", "paused", "ended", "archived"];

/** All campaigns, newest first. */
export function Campaigns() {
  const { t, word } = useTexts();
  const may = useMay();
  const go = useNavigate();
  const [filters, set] = useFilters(["state", "q"]);
  return (
    <>
      <Head title={t("nav.campaigns")}>
        {may("campaigns_edit") && (
          <Button type="primary" icon={<PlusOutlined />} onClick={() => void go("/campaigns/new")}>
            {t("campaign.new")}
          </Button>
        )}
      </Head>
      <ServerTable<Schema<"Campaign">>
        name={["campaigns", filters]}
        label={t("nav.campaigns")}
        hasExport
        filters={
          <>
            <Input.Search
              key={filters.q ?? ""}
              allowClear
              defaultValue={filters.q ?? ""}
              placeholder={t("design.name")}
              aria-label={t("design.name")}
              onSearch={(value) => set("q", value.trim())}
              style={{ width: 240 }}
            />
            <Select
              allowClear
              value={filters.state ?? null}
              placeholder={t("table.every_state")}
              aria-label={t("campaign.state")}
              onChange={(value: string | null) => set("state", value)}
              options={STATES.map((value) => ({ value, label: word("campaign_state", value) }))}
              style={{ width: 160 }}
            />
            <Button icon={<DownloadOutlined aria-hidden />} href={`/api/v1/campaigns?${new URLSearchParams({ ...filters, format: "csv" }).toString()}`}>
              {t("common.export_csv")}
            </Button>
          </>
        }
        load={(page, signal) => must(koi.GET("/api/v1/campaigns", { params: { query: { ...page, ...compact(filters) } }, signal }))}
        rowKey={(row) => row.id}
        columns={[
          { title: t("design.name"), key: "name", className: "k-wrap", render: (_, row) => <Link to={`/campaigns/${row.id}`}>{row.name}</Link> },
          { title: t("campaign.state"), key: "state", render: (_, row) => <State group="campaign_state" state={row.state} /> },
          { title: t("design.starts_at"), key: "starts", render: (_, row) => <Time at={row.starts_at} zone={row.time_zone ?? "UTC"} /> },
          { title: t("design.ends_at"), key: "ends", render: (_, row) => <Time at={row.ends_at} zone={row.time_zone ?? "UTC"} /> },
          { title: t("design.step_prizes"), key: "prizes", align: "right", render: (_, row) => <Num value={row.prizes.length} /> },
          { title: t("campaign.rules_version"), key: "version", align: "right", render: (_, row) => (row.rules_version > 0 ? <Num value={row.rules_version} /> : "–") },
          { title: t("campaign.created_at"), key: "created", render: (_, row) => <Time at={row.created_at} /> },
        ]}
      />
    </>
  );
}
