import { must, type Schema } from "@koi/client";
import { Card, Empty, Progress, Select } from "antd";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "react-router";
import { money, number, percent, shortTime } from "../../../shared/format";
import { useFigures } from "../lib/figures";
import { koi } from "../lib/koi";
import { useTexts } from "../lib/texts";
import { Chart } from "../parts/Chart";
import { Funnel } from "../parts/Funnel";
import { Waiting } from "../parts/Guard";
import { LiveDot } from "../parts/LiveDot";
import { useFilters } from "../lib/filters";
import { Facts, Head, ProblemNote, State, Tiles } from "../parts/basics";
import { Burn } from "./campaign/Burn";
import { fitOption, liveOption } from "./campaign/insight";

/** At most so many campaigns are shown at once. */
const SHOWN = 12;
const EVERY_MS = 10_000;
/** A campaign with draws in no more hours is shown by the minute. */
const YOUNG_HOURS = 1;
const RUNNING = new Set(["live", "paused", "scheduled"]);
const span = (columns: number) => ({ "--span": columns }) as React.CSSProperties;

/** What runs now: one campaign by the second, and all of them at a glance. */
export function Dashboard() {
  const { t } = useTexts();
  const [{ campaign: asked }, set] = useFilters(["campaign"]);
  const campaigns = useQuery({ queryKey: ["campaigns", "running"], queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns", { params: { query: { limit: 200 } }, signal })), refetchInterval: 30_000 });
  const running = (campaigns.data?.data ?? []).filter((one) => RUNNING.has(one.state)).slice(0, SHOWN);
  const live = running.filter((one) => one.state !== "scheduled");
  const chosen = live.find((one) => one.id === asked) ?? live[0];
  const reports = useQueries({
    queries: running.map((one) => ({
      queryKey: ["campaign", one.id, "report"],
      queryFn: ({ signal }: { signal: AbortSignal }) => must(koi.GET("/api/v1/campaigns/{id}/report", { params: { path: { id: one.id } }, signal })),
      refetchInterval: EVERY_MS,
    })),
  });
  return (
    <>
      <Head title={t("nav.dashboard")}>
        {live.length > 1 && (
          <Select value={chosen?.id ?? null} onChange={(id) => set("campaign", id)} aria-label={t("nav.campaign")} options={live.map((one) => ({ value: one.id, label: one.name }))} style={{ minWidth: 220 }} />
        )}
      </Head>
      {campaigns.error && <ProblemNote error={campaigns.error} retry={() => void campaigns.refetch()} />}
      {campaigns.isPending && <Waiting />}
      {campaigns.data && running.length === 0 && (
        <Empty description={t("dashboard.none")}>
          <Link to="/campaigns/new">{t("campaign.new")}</Link>
        </Empty>
      )}
      {chosen && <Now campaign={chosen} />}
      <div className="k-grid">
        {running.map((one, index) => (
          <div key={one.id} style={span(4)}>
            <Running campaign={one} report={reports[index]?.data} />
          </div>
        ))}
      </div>
    </>
  );
}

/** Draws and wins over time, asked for again and again. */
function useSeries(id: string, step: "hour" | "minute", enabled = true) {
  return useQuery({
    queryKey: ["campaign", id, "series", step],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/report/series", { params: { path: { id }, query: { step } }, signal })),
    refetchInterval: EVERY_MS,
    enabled,
  });
}

function Now({ campaign }: { campaign: Schema<"Campaign"> }) {
  const { t, language } = useTexts();
  const { state, last, curve } = useFigures(campaign.id);
  const insight = useQuery({
    queryKey: ["campaign", campaign.id, "insight"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/report/insight", { params: { path: { id: campaign.id } }, signal })),
    refetchInterval: EVERY_MS,
  });
  const byHour = useSeries(campaign.id, "hour");
  // Of a campaign that has just begun hours say nothing yet.
  const isYoung = byHour.data !== undefined && byHour.data.data.filter((step) => step.draws > 0).length <= YOUNG_HOURS;
  const byMinute = useSeries(campaign.id, "minute", isYoung);
  const step = isYoung && byMinute.data ? "minute" : "hour";
  const series = step === "minute" ? byMinute : byHour;
  const speed = useMemo(() => liveOption(curve, language), [curve, language]);
  const fit = useMemo(() => fitOption(insight.data?.tiers ?? []), [insight.data]);
  const currency = campaign.currency ?? "CNY";
  const next = insight.data?.stock.filter((prize) => prize.runs_out_at || prize.left === 0) ?? [];
  const nameOf = (code: string) => campaign.prizes.find((prize) => prize.code === code)?.name ?? code;
  return (
    <section aria-label={campaign.name} style={{ marginBottom: 20 }}>
      <div className="k-now">
        <Link to={`/campaigns/${campaign.id}`}>{campaign.name}</Link>
        <LiveDot state={state} />
      </div>
      <Tiles
        tiles={[
          { name: t("report.speed"), value: last ? number(Math.round(last.draws_per_second), language) : "–" },
          { name: t("report.draws"), value: last ? number(last.draws, language) : "–" },
          { name: t("report.wins"), value: last ? number(last.wins, language) : "–", note: last && last.draws > 0 ? percent(last.wins / last.draws, language) : undefined },
          {
            name: t("report.cost"),
            value: last ? money(last.cost_cents, currency, language) : "–",
            note: last?.budget_cents ? <Progress percent={Math.min(100, (100 * last.cost_cents) / last.budget_cents)} format={(share) => percent((share ?? 0) / 100, language)} size="small" aria-label={t("report.cost")} /> : t("report.no_budget"),
          },
          {
            name: t("report.generation"),
            value: last ? `${number(last.generation.done, language)} / ${number(last.generation.total, language)}` : "–",
            note: last ? <Progress percent={last.generation.total > 0 ? Math.round((100 * last.generation.done) / last.generation.total) : 0} size="small" showInfo={false} aria-label={t("report.generation")} /> : undefined,
          },
        ]}
      />
      <div className="k-grid">
        <Card title={t("report.speed")} style={span(6)}>
          <Chart option={speed} height={230} label={t("report.speed")} />
        </Card>
        <Card title={t("report.burn_down")} style={span(6)}>
          <Burn campaign={campaign} steps={series.data?.data ?? []} step={step} stock={insight.data?.stock ?? []} at={series.dataUpdatedAt} height={230} />
        </Card>
        <Card title={t("report.odds")} style={span(4)}>
          <Chart option={fit} height={210} label={t("report.odds")} />
        </Card>
        {insight.data && (
          <Card title={t("funnel.title")} style={span(4)}>
            <Funnel funnel={insight.data.funnel} />
          </Card>
        )}
        <Card title={t("report.runs_out_next")} style={span(4)}>
          {next.length === 0 ? <span className="k-muted">{t("report.lasts")}</span> : <Facts facts={next.slice(0, 6).map((prize): [string, React.ReactNode] => [nameOf(prize.code), prize.left === 0 ? t("report.gone") : <time key={prize.code} className="k-num" dateTime={prize.runs_out_at ?? ""}>{shortTime(prize.runs_out_at ?? "", language, campaign.time_zone ?? "UTC")}</time>])} />}
        </Card>
      </div>
    </section>
  );
}

function Running({ campaign, report }: { campaign: Schema<"Campaign">; report: Schema<"Report"> | undefined }) {
  const { t, language } = useTexts();
  const currency = campaign.currency ?? "CNY";
  const budget = campaign.limits?.budget_cents;
  return (
    <Card title={<Link to={`/campaigns/${campaign.id}`}>{campaign.name}</Link>} extra={<State group="campaign_state" state={campaign.state} />}>
      {report && (
        <Facts
          facts={[
            [t("report.draws"), number(report.draws, language)],
            [t("report.cost"), <span key="c">{money(report.cost_cents, currency, language)}{budget ? <span className="k-muted"> · {t("report.of_budget", { share: percent(report.cost_cents / budget, language), budget: money(budget, currency, language) })}</span> : null}</span>],
            [t("report.chances"), `${number(report.chances.granted, language)} · ${t("report.chances_used", { used: number(report.chances.used, language) })}`],
            [t("report.generation"), <Progress key="g" percent={report.generation.total > 0 ? Math.round((100 * report.generation.done) / report.generation.total) : 0} size="small" aria-label={t("report.generation")} />],
          ]}
        />
      )}
    </Card>
  );
}
