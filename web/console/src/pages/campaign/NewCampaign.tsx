import { must, type Schema } from "@koi/client";
import { Alert, Button, Card, Form, Input, Radio } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { koi } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { Head, ProblemNote } from "../../parts/basics";
import { MomentInput, ZoneSelect } from "./design/fields";

interface Given {
  name: string;
  starts_at: string;
  ends_at: string;
  time_zone: string;
}

/** A blank campaign still needs one prize and one tier; these stand for "nothing yet" and are replaced in the design. */
const BLANK = {
  prizes: [{ code: "points", name: "Points", kind: "points", points: { min: 1, max: 10 } }],
  tiers: [{ code: "points", slots: 1, weight: 10_000, prizes: ["points"] }],
  chances: { sign_in: 1 },
};

/** Where a campaign starts: a template, a name, a window. Everything else is the design's. */
export function NewCampaign() {
  const { t, language, word } = useTexts();
  const text = useProblemText();
  const go = useNavigate();
  const queries = useQueryClient();
  const [form] = Form.useForm<Given>();
  const [template, setTemplate] = useState("wheel");
  const [problem, setProblem] = useState<string>();
  const zone = Form.useWatch("time_zone", form) ?? "Asia/Shanghai";
  const templates = useQuery({ queryKey: ["templates"], queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/templates", { signal })) });
  const create = useMutation({
    mutationFn: (given: Given) => {
      const chosen = templates.data?.data.find((one) => one.code === template)?.campaign ?? BLANK;
      return must(koi.POST("/api/v1/campaigns", { body: { ...chosen, ...given } as unknown as Schema<"CampaignDefinition"> }));
    },
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["campaigns"] });
      return go(`/campaigns/${made.id}/design?step=prizes`);
    },
    onError: (thrown) => {
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  const required = { required: true, message: t("common.required") };
  return (
    <>
      <Head title={t("campaign.new")} note={t("campaign.new_note")} />
      {templates.error && <ProblemNote error={templates.error} retry={() => void templates.refetch()} />}
      <Form form={form} layout="vertical" onFinish={(given) => create.mutate(given)} initialValues={{ time_zone: "Asia/Shanghai" }} style={{ maxWidth: 980 }}>
        <fieldset className="k-fieldset">
          <legend>{t("campaign.start_from")}</legend>
          <Radio.Group value={template} onChange={({ target }) => setTemplate(target.value as string)} className="k-templates">
            {(templates.data?.data ?? []).map((one) => (
              <Radio key={one.code} value={one.code}>
                <strong>{language === "zh" ? one.name.zh : one.name.en}</strong>
                <span className="k-muted">{word("template", one.code) === one.code.replaceAll("_", " ") ? one.description : word("template", one.code)}</span>
              </Radio>
            ))}
            <Radio value="blank">
              <strong>{t("campaign.blank")}</strong>
              <span className="k-muted">{t("campaign.blank_note")}</span>
            </Radio>
          </Radio.Group>
        </fieldset>
        <Card>
          {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
          <Form.Item name="name" label={t("design.name")} rules={[required]}>
            <Input maxLength={200} />
          </Form.Item>
          <div className="k-fields">
            <Form.Item name="starts_at" label={t("design.starts_at")} rules={[required]}>
              <MomentInput zone={zone} />
            </Form.Item>
            <Form.Item name="ends_at" label={t("design.ends_at")} rules={[required]}>
              <MomentInput zone={zone} />
            </Form.Item>
            <Form.Item name="time_zone" label={t("design.time_zone")}>
              <ZoneSelect />
            </Form.Item>
          </div>
          <Button type="primary" htmlType="submit" loading={create.isPending}>
            {t("campaign.create")}
          </Button>
        </Card>
      </Form>
    </>
  );
}
