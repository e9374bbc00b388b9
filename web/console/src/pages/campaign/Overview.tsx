import { must, type Schema } from "@koi/client";
import { Card, Progress } from "antd";
import { useQuery } from "@tanstack/react-query";
import { money, number, percent } from "../../../../shared/format";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Id, Num, ProblemNote, Tiles, Time } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { useCampaign } from "./CampaignFrame";
import { SmallTable } from "../../parts/SmallTable";

/** The report is asked for so often. */
const EVERY_MS = 5_000;

/** How a campaign goes: draws, cost against budget, stock, odds promised against met. */
export function Overview() {
  const { campaign } = useCampaign();
  const { t, language } = useTexts();
  const report = useQuery({
    queryKey: ["campaign", campaign.id, "report"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/report", { params: { path: { id: campaign.id } }, signal })),
    refetchInterval: EVERY_MS,
  });
  if (report.error && !report.data) return <ProblemNote error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <Waiting />;
  const { data } = report;
  const currency = campaign.currency ?? "CNY";
  const budget = campaign.limits?.budget_cents;
  return (
    <>
      <Tiles
        tiles={[
          { name: t("report.draws"), value: number(data.draws, language) },
          {
            name: t("report.cost"),
            value: money(data.cost_cents, currency, language),
            note: budget ? t("report.of_budget", { share: percent(data.cost_cents / budget, language), budget: money(budget, currency, language) }) : t("report.no_budget"),
          },
          { name: t("report.chances"), value: number(data.chances.granted, language), note: t("report.chances_used", { used: number(data.chances.used, language) }) },
          { name: t("report.points_won"), value: number(data.points_won, language) },
          {
            name: t("report.generation"),
            value: `${number(data.generation.done, language)} / ${number(data.generation.total, language)}`,
            note: <Progress percent={data.generation.total > 0 ? Math.round((100 * data.generation.done) / data.generation.total) : 0} size="small" showInfo={false} aria-label={t("report.generation")} />,
          },
        ]}
      />
      <div className="k-grid">
        <Card title={t("report.stock")} style={{ "--span": 7 } as React.CSSProperties}>
          <Stock prizes={data.prizes} campaign={campaign} />
        </Card>
        <Card title={t("report.odds")} style={{ "--span": 5 } as React.CSSProperties}>
          <Tiers tiers={data.tiers} />
        </Card>
        <Card title={t("campaign.facts")}>
          <Facts
            facts={[
              ["ID", <Id key="id" value={campaign.id} />],
              [t("campaign.rules_version"), campaign.rules_version > 0 ? <Num key="v" value={campaign.rules_version} /> : "–"],
              [t("campaign.rules_hash"), campaign.rules_hash ? <Id key="h" value={campaign.rules_hash} /> : "–"],
              [t("campaign.seed_hash"), campaign.seed_hash ? <Id key="s" value={campaign.seed_hash} /> : "–"],
              ...(campaign.campaign_seed ? ([[t("campaign.seed"), <Id key="r" value={campaign.campaign_seed} />]] as [string, React.ReactNode][]) : []),
              [t("campaign.created_at"), <Time key="c" at={campaign.created_at} />],
            ]}
          />
        </Card>
      </div>
    </>
  );
}

function Stock({ prizes, campaign }: { prizes: Schema<"PrizeReport">[]; campaign: Schema<"Campaign"> }) {
  const { t, word } = useTexts();
  const of = (code: string) => campaign.prizes.find((prize) => prize.code === code);
  return (
    <SmallTable
      label={t("report.stock")}
      rowKey="code"
      dataSource={prizes}
      columns={[
        { title: t("design.prize_name"), key: "name", render: (_, row) => of(row.code)?.name ?? row.code },
        { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", of(row.code)?.kind ?? "none") },
        { title: t("report.won"), key: "won", align: "right", render: (_, row) => <Num value={row.won} /> },
        { title: t("report.left"), key: "left", align: "right", render: (_, row) => (row.left === null || row.left === undefined ? t("design.unlimited") : <Num value={row.left} />) },
        {
          title: t("report.used_up"),
          key: "bar",
          width: 140,
          render: (_, row) => (row.stock ? <Progress percent={Math.round((100 * row.won) / row.stock)} size="small" status={row.left === 0 ? "exception" : "normal"} aria-label={t("report.used_up")} /> : null),
        },
      ]}
    />
  );
}

function Tiers({ tiers }: { tiers: Schema<"TierReport">[] }) {
  const { t, language } = useTexts();
  return (
    <SmallTable
      label={t("report.odds")}
      rowKey="code"
      dataSource={tiers}
      columns={[
        { title: t("design.tier"), dataIndex: "code" },
        { title: t("report.promised"), key: "p", align: "right", render: (_, row) => <span className="k-num">{percent(row.promised, language)}</span> },
        { title: t("report.met"), key: "m", align: "right", render: (_, row) => <span className="k-num">{percent(row.met, language)}</span> },
      ]}
    />
  );
}

