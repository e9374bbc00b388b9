import { must, type Schema } from "@koi/client";
import { Card, Progress, Segmented, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { money, number, percent } from "../../../../shared/format";
import { useFigures } from "../../lib/figures";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Id, Num, ProblemNote, Tiles, Time } from "../../parts/basics";
import { Chart } from "../../parts/Chart";
import { Funnel } from "../../parts/Funnel";
import { Waiting } from "../../parts/Guard";
import { LiveDot } from "../../parts/LiveDot";
import { SmallTable } from "../../parts/SmallTable";
import { useCampaign } from "./CampaignFrame";
import { Arms } from "./Arms";
import { Burn } from "./Burn";
import { fitOption, seriesOption } from "./insight";

/** What lags is asked for so often; the figures themselves come by the second. */
const EVERY_MS = 10_000;
const span = (columns: number) => ({ "--span": columns }) as React.CSSProperties;

/** How a campaign goes: draws, cost against budget, stock and when it is gone, odds promised and met, how far shoppers came. */
export function Overview() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const isDraft = campaign.state === "draft";
  const path = { id: campaign.id };
  const report = useQuery({
    queryKey: ["campaign", campaign.id, "report"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/report", { params: { path }, signal })),
    refetchInterval: EVERY_MS,
  });
  const insight = useQuery({
    queryKey: ["campaign", campaign.id, "insight"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/report/insight", { params: { path }, signal })),
    refetchInterval: EVERY_MS,
    enabled: !isDraft,
  });
  const live = useFigures(campaign.state === "live" || campaign.state === "paused" ? campaign.id : undefined);
  if (report.error && !report.data) return <ProblemNote error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <Waiting />;
  return (
    <>
      {(campaign.state === "live" || campaign.state === "paused") && (
        <p style={{ margin: "0 0 8px" }}>
          <LiveDot state={live.state} />
        </p>
      )}
      <Totals report={report.data} live={live.last} />
      <div className="k-grid">
        {!isDraft && (
          <div style={span(12)}>
            <Series stock={insight.data?.stock} />
          </div>
        )}
        <Card title={t("report.stock")} style={span(12)}>
          <Stock report={report.data} forecast={insight.data?.stock ?? []} />
        </Card>
        <Card title={t("report.odds")} style={span(insight.data ? 5 : 12)}>
          <Fit tiers={insight.data?.tiers} report={report.data} />
        </Card>
        {insight.data && (
          <Card title={t("funnel.title")} style={span(7)}>
            <Funnel funnel={insight.data.funnel} />
          </Card>
        )}
        {insight.data?.personalisation && <Arms worth={insight.data.personalisation} currency={campaign.currency ?? "CNY"} />}
        <Card title={t("campaign.facts")} style={span(12)}>
          <About />
        </Card>
      </div>
    </>
  );
}

function Totals({ report, live }: { report: Schema<"Report">; live: Schema<"Figures"> | undefined }) {
  const { campaign } = useCampaign();
  const { t, language } = useTexts();
  const currency = campaign.currency ?? "CNY";
  const budget = campaign.limits?.budget_cents;
  const draws = live?.draws ?? report.draws;
  const cost = live?.cost_cents ?? report.cost_cents;
  const { done, total } = live?.generation ?? report.generation;
  const chances = live?.chances ?? report.chances;
  return (
    <Tiles
      tiles={[
        { name: t("report.draws"), value: number(draws, language), note: live ? t("report.per_second", { count: number(Math.round(live.draws_per_second), language) }) : undefined },
        ...(live ? [{ name: t("report.wins"), value: number(live.wins, language), note: draws > 0 ? percent(live.wins / draws, language) : undefined }] : []),
        {
          name: t("report.cost"),
          value: money(cost, currency, language),
          note: budget ? t("report.of_budget", { share: percent(cost / budget, language), budget: money(budget, currency, language) }) : t("report.no_budget"),
        },
        { name: t("report.chances"), value: number(chances.granted, language), note: t("report.chances_used", { used: number(chances.used, language) }) },
        { name: t("report.points_won"), value: number(live?.points_won ?? report.points_won, language) },
        {
          name: t("report.generation"),
          value: `${number(done, language)} / ${number(total, language)}`,
          note: <Progress percent={total > 0 ? Math.round((100 * done) / total) : 0} size="small" showInfo={false} aria-label={t("report.generation")} />,
        },
      ]}
    />
  );
}

function Series({ stock }: { stock: Schema<"StockForecast">[] | undefined }) {
  const { campaign } = useCampaign();
  const { t, language } = useTexts();
  const [step, setStep] = useState<"minute" | "hour">("hour");
  const series = useQuery({
    queryKey: ["campaign", campaign.id, "series", step],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/report/series", { params: { path: { id: campaign.id }, query: { step } }, signal })),
    refetchInterval: EVERY_MS,
  });
  const zone = campaign.time_zone ?? "UTC";
  const steps = series.data?.data;
  const draws = useMemo(() => seriesOption(steps ?? [], step, { draws: t("report.draws"), wins: t("report.wins") }, language, zone), [steps, step, t, language, zone]);
  const choice = (
    <Segmented<"minute" | "hour">
      size="small"
      value={step}
      onChange={setStep}
      aria-label={t("report.step")}
      options={[
        { value: "minute", label: t("report.by_minute") },
        { value: "hour", label: t("report.by_hour") },
      ]}
    />
  );
  return (
    <div className="k-pair">
      <Card title={t("report.over_time")} extra={choice}>
        {series.error && <ProblemNote error={series.error} />}
        <Chart option={draws} height={250} label={t("report.over_time")} />
      </Card>
      <Card title={t("report.burn_down")}>
        <Burn campaign={campaign} steps={steps ?? []} step={step} stock={stock ?? []} at={series.dataUpdatedAt} height={250} />
      </Card>
    </div>
  );
}

function Stock({ report, forecast }: { report: Schema<"Report">; forecast: Schema<"StockForecast">[] }) {
  const { campaign } = useCampaign();
  const { t, word } = useTexts();
  const of = (code: string) => campaign.prizes.find((prize) => prize.code === code);
  const soon = (code: string) => forecast.find((prize) => prize.code === code);
  return (
    <SmallTable
      label={t("report.stock")}
      rowKey="code"
      dataSource={report.prizes}
      columns={[
        { title: t("design.prize_name"), key: "name", render: (_, row) => of(row.code)?.name ?? row.code },
        { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", of(row.code)?.kind ?? "none") },
        { title: t("report.won"), key: "won", align: "right", render: (_, row) => <Num value={row.won} /> },
        { title: t("report.left"), key: "left", align: "right", render: (_, row) => (row.left === null || row.left === undefined ? t("design.unlimited") : <Num value={row.left} />) },
        {
          title: t("report.used_up"),
          key: "bar",
          width: 120,
          render: (_, row) => (row.stock ? <Progress percent={Math.round((100 * row.won) / row.stock)} size="small" status={row.left === 0 ? "exception" : "normal"} aria-label={t("report.used_up")} /> : null),
        },
        { title: t("report.last_hour"), key: "hour", align: "right", render: (_, row) => <Num value={soon(row.code)?.last_hour} /> },
        { title: t("report.runs_out"), key: "out", render: (_, row) => (row.left === 0 ? <Tag color="error">{t("report.gone")}</Tag> : <Time at={soon(row.code)?.runs_out_at} zone={campaign.time_zone ?? "UTC"} />) },
      ]}
    />
  );
}

function Fit({ tiers, report }: { tiers: Schema<"TierFit">[] | undefined; report: Schema<"Report"> }) {
  const { t, language } = useTexts();
  const option = useMemo(() => fitOption(tiers ?? []), [tiers]);
  const rows = tiers ?? report.tiers.map((tier) => ({ ...tier, hits: 0, low: tier.met, high: tier.met, fits: true }));
  return (
    <>
      {tiers && tiers.length > 0 && (
        <>
          <p className="k-muted" style={{ marginTop: 0 }}>
            {t("report.fit_note")}
          </p>
          <Chart option={option} height={38 * tiers.length + 40} label={t("report.odds")} />
        </>
      )}
      <SmallTable
        label={t("report.odds")}
        rowKey="code"
        dataSource={rows}
        columns={[
          { title: t("design.tier"), dataIndex: "code" },
          { title: t("report.promised"), key: "p", align: "right", render: (_, row) => <span className="k-num">{percent(row.promised, language)}</span> },
          { title: t("report.met"), key: "m", align: "right", render: (_, row) => <span className="k-num">{percent(row.met, language)}</span> },
          { title: t("report.interval"), key: "i", align: "right", render: (_, row) => (tiers ? <span className="k-num">{`${percent(row.low, language)} – ${percent(row.high, language)}`}</span> : "–") },
          { title: t("report.fits"), key: "f", render: (_, row) => (tiers ? <Tag color={row.fits ? "success" : "error"}>{row.fits ? t("common.yes") : t("common.no")}</Tag> : "–") },
        ]}
      />
    </>
  );
}

function About() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  return (
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
  );
}
