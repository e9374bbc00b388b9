import type { Schema } from "@koi/client";
import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { useMay } from "../lib/session";
import { useTexts } from "../lib/texts";
import { Head, Num, State, Time } from "../parts/basics";
import { useChoice } from "../parts/DeskLists";
import { ServerTable } from "../parts/ServerTable";

const STATES = ["draft", "scheduled", "live", "paused", "ended", "archived"];

/** All campaigns, newest first. */
export function Campaigns() {
  const { t } = useTexts();
  const choice = useChoice();
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
        path="/campaigns"
        name={["campaigns"]}
        label={t("nav.campaigns")}
        filters={[{ kind: "text", name: "q", label: t("design.name"), width: 240 }, choice("state", t("table.every_state"), "campaign_state", STATES)]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("design.name"), key: "name", sort: "name", className: "k-wrap", render: (_, row) => <Link to={`/campaigns/${row.id}`}>{row.name}</Link> },
          { title: t("campaign.state"), key: "state", sort: "state", render: (_, row) => <State group="campaign_state" state={row.state} /> },
          { title: t("design.starts_at"), key: "starts", sort: "starts_at", render: (_, row) => <Time at={row.starts_at} zone={row.time_zone ?? "UTC"} /> },
          { title: t("design.ends_at"), key: "ends", sort: "ends_at", render: (_, row) => <Time at={row.ends_at} zone={row.time_zone ?? "UTC"} /> },
          { title: t("design.step_prizes"), key: "prizes", align: "right", render: (_, row) => <Num value={row.prizes.length} /> },
          { title: t("campaign.rules_version"), key: "version", sort: "rules_version", align: "right", render: (_, row) => (row.rules_version > 0 ? <Num value={row.rules_version} /> : "–") },
          { title: t("campaign.created_at"), key: "created", sort: "created_at", render: (_, row) => <Time at={row.created_at} /> },
        ]}
      />
    </>
  );
}
