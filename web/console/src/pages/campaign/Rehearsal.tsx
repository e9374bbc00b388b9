import { must, type Schema } from "@koi/client";
import { Alert, Button, Card, Form, InputNumber, Progress } from "antd";
import { useMutation } from "@tanstack/react-query";
import { useMemo } from "react";
import { money, number, percent } from "../../../../shared/format";
import { koi } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { Num, Tiles, Time } from "../../parts/basics";
import { Chart } from "../../parts/Chart";
import { SmallTable } from "../../parts/SmallTable";
import { useCampaign } from "./CampaignFrame";
import { oddsOption, soldOutOption, winsOption } from "./rehearsal-charts";

type Rehearsal = Schema<"Rehearsal">;

/** Plays the campaign with a made-up crowd through the rules that draws pass; changes nothing. */
export function RehearsalPage() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const text = useProblemText();
  const [form] = Form.useForm<Schema<"Rehearse">>();
  const play = useMutation({
    mutationFn: (body: Schema<"Rehearse">) => must(koi.POST("/api/v1/campaigns/{id}/rehearse", { params: { path: { id: campaign.id } }, body })),
    onError: (thrown) => placeProblem(form, thrown, text(thrown)),
  });
  return (
    <>
      <p className="k-muted">{t("rehearsal.note")}</p>
      <Card style={{ marginBottom: 16 }}>
        <Form form={form} layout="vertical" initialValues={{ shoppers: 1_000, draws: campaign.expected_draws ?? 10_000, seed: 1 }} onFinish={(body) => play.mutate(body)}>
          <div className="k-fields" style={{ alignItems: "start" }}>
            <Form.Item name="shoppers" label={t("rehearsal.shoppers")} rules={[{ required: true, message: t("common.required") }]}>
              <InputNumber min={1} max={100_000} precision={0} style={{ width: "100%" }} />
            </Form.Item>
            <Form.Item name="draws" label={t("rehearsal.draws")} rules={[{ required: true, message: t("common.required") }]}>
              <InputNumber min={1} max={1_000_000} precision={0} style={{ width: "100%" }} />
            </Form.Item>
            <Form.Item name="seed" label={t("rehearsal.seed")} tooltip={t("rehearsal.seed_hint")}>
              <InputNumber min={0} precision={0} style={{ width: "100%" }} />
            </Form.Item>
            <Form.Item label=" " colon={false}>
              <Button type="primary" htmlType="submit" loading={play.isPending}>
                {t("rehearsal.play")}
              </Button>
            </Form.Item>
          </div>
        </Form>
        {play.error && <Alert type="error" showIcon title={text(play.error)} />}
      </Card>
      {play.data && <Shown played={play.data} />}
    </>
  );
}

function Shown({ played }: { played: Rehearsal }) {
  const { campaign } = useCampaign();
  const { t, language, word } = useTexts();
  const currency = campaign.currency ?? "CNY";
  const between = (spread: Schema<"Spread">, show: (value: number) => string) => t("rehearsal.between", { low: show(spread.interval_90.low), high: show(spread.interval_90.high) });
  const whole = (value: number) => number(Math.round(value), language);
  const cash = (value: number) => money(Math.round(value), currency, language);
  const nameOf = useMemo(() => (code: string) => campaign.prizes.find((prize) => prize.code === code)?.name ?? code, [campaign]);
  const wins = useMemo(() => winsOption(played, nameOf), [played, nameOf]);
  const soldOut = useMemo(() => soldOutOption(played, campaign, nameOf, language), [played, campaign, nameOf, language]);
  const gone = played.prizes.filter((prize) => prize.sold_out).length;
  const budget = campaign.limits?.budget_cents;
  const odds = useMemo(() => oddsOption(played, t("report.promised"), t("report.met")), [played, t]);
  return (
    <>
      <Tiles
        tiles={[
          { name: t("rehearsal.made"), value: whole(played.made.mean), note: between(played.made, whole) },
          {
            name: t("report.cost"),
            value: cash(played.cost_cents.mean),
            note: (
              <>
                {between(played.cost_cents, cash)}
                {budget ? <Progress percent={Math.min(100, Math.round((100 * played.cost_cents.mean) / budget))} size="small" aria-label={t("report.of_budget", { share: percent(played.cost_cents.mean / budget, language), budget: cash(budget) })} /> : null}
              </>
            ),
          },
          { name: t("rehearsal.refused"), value: whole(played.refused.mean), note: between(played.refused, whole) },
          { name: t("report.points_won"), value: whole(played.points_won.mean), note: between(played.points_won, whole) },
          { name: t("rehearsal.rounds"), value: whole(played.rounds), note: t("rehearsal.rounds_note") },
        ]}
      />
      <div className="k-grid">
        <Card title={t("rehearsal.wins")} style={{ "--span": 7 } as React.CSSProperties}>
          <Chart option={wins} height={Math.max(220, 44 * played.prizes.length + 40)} label={t("rehearsal.wins")} />
        </Card>
        <Card title={t("report.odds")} style={{ "--span": 5 } as React.CSSProperties}>
          <Chart option={odds} height={Math.max(220, 44 * played.prizes.length + 40)} label={t("report.odds")} />
        </Card>
        <Card title={t("rehearsal.sold_out")} style={{ "--span": 7 } as React.CSSProperties}>
          {gone > 0 && <Chart option={soldOut} height={34 * gone + 56} label={t("rehearsal.sold_out")} />}
          <SmallTable
            label={t("rehearsal.sold_out")}
            rowKey="code"
            dataSource={played.prizes}
            columns={[
              { title: t("design.prize_name"), key: "name", render: (_, row) => nameOf(row.code) },
              { title: t("design.stock"), key: "stock", align: "right", render: (_, row) => (row.stock === null || row.stock === undefined ? t("design.unlimited") : <Num value={row.stock} />) },
              { title: t("report.won"), key: "won", align: "right", render: (_, row) => <span className="k-num">{whole(row.won.mean)}</span> },
              { title: t("rehearsal.sold_out_share"), key: "share", align: "right", render: (_, row) => (row.sold_out ? percent(row.sold_out.share, language) : "–") },
              { title: t("rehearsal.sold_out_at"), key: "at", render: (_, row) => <Time at={row.sold_out?.at} zone={campaign.time_zone ?? "UTC"} /> },
            ]}
          />
        </Card>
        <Card title={t("rehearsal.refusals")} style={{ "--span": 5 } as React.CSSProperties}>
          <SmallTable
            label={t("rehearsal.refusals")}
            rowKey={(row) => `${row.rule}-${row.code}-${row.detail}`}
            dataSource={played.refusals}
            locale={{ emptyText: t("rehearsal.no_refusals") }}
            columns={[
              { title: t("flow.rule"), key: "rule", render: (_, row) => <span className="k-mono">{row.rule}</span> },
              { title: t("table.reason"), key: "why", className: "k-wrap", render: (_, row) => word("problem", row.code) },
              { title: t("report.draws"), key: "n", align: "right", render: (_, row) => <span className="k-num">{whole(row.draws.mean)}</span> },
            ]}
          />
        </Card>
      </div>
    </>
  );
}
