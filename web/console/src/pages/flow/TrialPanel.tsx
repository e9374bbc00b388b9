import { must, type Schema } from "@koi/client";
import { Alert, Button, Card, Form, Input, InputNumber, Select, Tag } from "antd";
import { useMutation } from "@tanstack/react-query";
import { koi } from "../../lib/koi";
import { compact } from "../../lib/path";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { useCampaign } from "../campaign/CampaignFrame";
import { MoneyInput } from "../campaign/design/fields";

export type Trial = Schema<"Trial">;

/** One draw for a made-up shopper by the flow in the editor; nothing is changed, and the drawing lights the way it took. */
export function TrialPanel({ text, isDisabled, onTried }: { text: string; isDisabled: boolean; onTried: (trial: Trial | undefined) => void }) {
  const { campaign } = useCampaign();
  const { t, word } = useTexts();
  const problemText = useProblemText();
  const [form] = Form.useForm<Schema<"TryFlow">>();
  const run = useMutation({
    mutationFn: (given: Schema<"TryFlow">) =>
      must(koi.POST("/api/v1/campaigns/{id}/flow/trial", { params: { path: { id: campaign.id } }, body: compact({ ...given, flow: text }) as Schema<"TryFlow"> })),
    onSuccess: onTried,
    onError: (thrown) => {
      onTried(undefined);
      placeProblem(form, thrown, problemText(thrown));
    },
  });
  const prizes = campaign.prizes.map((prize) => ({ value: prize.code, label: prize.name }));
  const trial = run.data;
  return (
    <Card size="small" title={t("trial.title")} style={{ marginTop: 12 }}>
      <p className="k-muted" style={{ marginTop: 0 }}>
        {t("trial.note")}
      </p>
      <Form form={form} layout="vertical" onFinish={(given) => run.mutate(given)} initialValues={{ seed: "1", used: 0, left: 1, draws_today: 0, spend_cents: 0, risk_score: 0 }}>
        <div className="k-fields k-fields-small">
          <Form.Item name="seed" label={t("trial.seed")}>
            <Input />
          </Form.Item>
          <Form.Item name="used" label={t("trial.used")}>
            <InputNumber min={0} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="left" label={t("trial.left")}>
            <InputNumber min={0} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="draws_today" label={t("trial.draws_today")}>
            <InputNumber min={0} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="spend_cents" label={t("trial.spend")}>
            <MoneyInput currency={campaign.currency ?? "CNY"} />
          </Form.Item>
          <Form.Item name="risk_score" label={t("shopper.risk")}>
            <InputNumber min={0} max={100} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="sold_out" label={t("trial.sold_out")}>
            <Select mode="multiple" options={prizes} optionFilterProp="label" />
          </Form.Item>
          <Form.Item name="won" label={t("trial.won")}>
            <Select mode="multiple" options={prizes} optionFilterProp="label" />
          </Form.Item>
        </div>
        <Button type="primary" htmlType="submit" loading={run.isPending} disabled={isDisabled}>
          {t("trial.run")}
        </Button>
      </Form>
      {run.error && <Alert type="error" showIcon title={problemText(run.error)} style={{ marginTop: 12 }} />}
      {trial && (
        <Alert
          style={{ marginTop: 12 }}
          type={trial.outcome === "drawn" ? "success" : "warning"}
          showIcon
          title={trial.outcome === "drawn" ? t("trial.drawn", { prize: trial.prize?.name ?? "–" }) : t("trial.refused", { why: word("problem", trial.refusal ?? "") })}
          description={
            <>
              {trial.outcome === "drawn" && (
                <p style={{ margin: "0 0 6px" }}>
                  {t("table.pool")}: {trial.pool ?? "–"} · {t("design.tier")}: {trial.tier ?? "–"}
                </p>
              )}
              <span data-testid="trial-path">
                {trial.path.map((step, index) => (
                  <Tag key={`${step}-${index}`}>{step}</Tag>
                ))}
              </span>
            </>
          }
        />
      )}
    </Card>
  );
}
