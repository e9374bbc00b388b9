import { must, type Schema } from "@koi/client";
import { Card, Empty, Progress } from "antd";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { money, number, percent } from "../../../shared/format";
import { koi } from "../lib/koi";
import { useTexts } from "../lib/texts";
import { Waiting } from "../parts/Guard";
import { Facts, Head, ProblemNote, State } from "../parts/basics";

/** At most so many campaigns are shown at once. */
const SHOWN = 12;
const EVERY_MS = 5_000;
const RUNNING = new Set(["live", "paused", "scheduled"]);

/** What runs now, at a glance. */
export function Dashboard() {
  const { t } = useTexts();
  const campaigns = useQuery({ queryKey: ["campaigns", "running"], queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns", { params: { query: { limit: 200 } }, signal })), refetchInterval: 30_000 });
  const running = (campaigns.data?.data ?? []).filter((one) => RUNNING.has(one.state)).slice(0, SHOWN);
  const reports = useQueries({
    queries: running.map((one) => ({
      queryKey: ["campaign", one.id, "report"],
      queryFn: ({ signal }: { signal: AbortSignal }) => must(koi.GET("/api/v1/campaigns/{id}/report", { params: { path: { id: one.id } }, signal })),
      refetchInterval: EVERY_MS,
    })),
  });
  return (
    <>
      <Head title={t("nav.dashboard")} />
      {campaigns.error && <ProblemNote error={campaigns.error} retry={() => void campaigns.refetch()} />}
      {campaigns.isPending && <Waiting />}
      {campaigns.data && running.length === 0 && (
        <Empty description={t("dashboard.none")}>
          <Link to="/campaigns/new">{t("campaign.new")}</Link>
        </Empty>
      )}
      <div className="k-grid">
        {running.map((one, index) => (
          <div key={one.id} style={{ "--span": 4 } as React.CSSProperties}>
            <Running campaign={one} report={reports[index]?.data} />
          </div>
        ))}
      </div>
    </>
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
            [t("report.cost"), <>{money(report.cost_cents, currency, language)}{budget ? <span className="k-muted"> · {t("report.of_budget", { share: percent(report.cost_cents / budget, language), budget: money(budget, currency, language) })}</span> : null}</>],
            [t("report.chances"), `${number(report.chances.granted, language)} · ${t("report.chances_used", { used: number(report.chances.used, language) })}`],
            [t("report.generation"), <Progress key="g" percent={report.generation.total > 0 ? Math.round((100 * report.generation.done) / report.generation.total) : 0} size="small" aria-label={t("report.generation")} />],
          ]}
        />
      )}
    </Card>
  );
}
