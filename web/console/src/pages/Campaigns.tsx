import { must, type Schema } from "@koi/client";
import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { koi } from "../lib/koi";
import { useMay } from "../lib/session";
import { useTexts } from "../lib/texts";
import { Head, Num, State, Time } from "../parts/basics";
import { ServerTable } from "../parts/ServerTable";

/** All campaigns, newest first. */
export function Campaigns() {
  const { t } = useTexts();
  const may = useMay();
  const go = useNavigate();
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
        name={["campaigns"]}
        label={t("nav.campaigns")}
        load={(query, signal) => must(koi.GET("/api/v1/campaigns", { params: { query }, signal }))}
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
