import { must, newIdempotencyKey, type Schema } from "@koi/client";
import { Form, Input, InputNumber, Radio, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { OWN_ZONE } from "../../lib/zone";
import { CAMPAIGNS } from "../../parts/DeskLists";
import { FormDialog } from "../../parts/FormDialog";
import { MomentInput } from "../campaign/design/fields";

interface Props {
  shopper: string;
  isOpen: boolean;
  onClose: () => void;
}

export function CampaignSelect({ value, onChange, id, states, isOptional = false }: { value?: string; onChange?: (id: string | undefined) => void; id?: string; states?: string[]; isOptional?: boolean }) {
  const { t, word } = useTexts();
  const found = useQuery(CAMPAIGNS);
  const all = (found.data?.data ?? []).filter((one) => !states || states.includes(one.state));
  return (
    <Select
      {...(id === undefined ? {} : { id })}
      value={value ?? null}
      onChange={(chosen) => onChange?.(chosen ?? undefined)}
      loading={found.isPending}
      allowClear={isOptional}
      showSearch
      optionFilterProp="label"
      placeholder={isOptional ? t("shopper.all_campaigns") : t("shopper.choose_campaign")}
      options={all.map((one) => ({ value: one.id, label: `${one.name} · ${word("campaign_state", one.state)}` }))}
      style={{ minWidth: 200, width: "100%" }}
      aria-label={t("nav.campaign")}
    />
  );
}

export function GrantChances(props: Props) {
  const { t } = useTexts();
  const required = { required: true, message: t("common.required") };
  // One key for the dialog's life: a second click, or a retry after a lost answer, grants once.
  const [key, setKey] = useState(newIdempotencyKey);
  return (
    <FormDialog<{ campaign: string; chances: number; reason: string }>
      isOpen={props.isOpen}
      onClose={props.onClose}
      refresh={["shopper", props.shopper]}
      title={t("shopper.grant_title", { shopper: props.shopper })}
      ok={t("shopper.grant")}
      initial={{ chances: 1 }}
      act={async ({ campaign, chances, reason }) => {
        await must(koi.POST("/api/v1/campaigns/{id}/grants", { params: { path: { id: campaign } }, body: { shopper: props.shopper, chances, reason, business_key: `console-${key}` } }));
        setKey(newIdempotencyKey());
      }}
    >
      <Form.Item name="campaign" label={t("nav.campaign")} rules={[required]}>
        <CampaignSelect states={["scheduled", "live", "paused"]} />
      </Form.Item>
      <Form.Item name="chances" label={t("report.chances")} rules={[required]}>
        <InputNumber min={1} precision={0} style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item name="reason" label={t("table.reason")} rules={[required]}>
        <Input />
      </Form.Item>
    </FormDialog>
  );
}

export function GivePoints(props: Props) {
  const { t } = useTexts();
  const required = { required: true, message: t("common.required") };
  const [key, setKey] = useState(newIdempotencyKey);
  return (
    <FormDialog<{ amount: number; reason: string }>
      isOpen={props.isOpen}
      onClose={props.onClose}
      refresh={["shopper", props.shopper]}
      title={t("shopper.points_title", { shopper: props.shopper })}
      ok={t("shopper.give_points")}
      act={async ({ amount, reason }) => {
        await must(koi.POST("/api/v1/shoppers/{external_id}/points", { params: { path: { external_id: props.shopper } }, body: { amount, reason, business_key: `console-${key}` } }));
        setKey(newIdempotencyKey());
      }}
    >
      <Form.Item name="amount" label={t("shopper.amount")} rules={[required]} extra={t("shopper.amount_hint")}>
        <InputNumber precision={0} style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item name="reason" label={t("table.reason")} rules={[required]}>
        <Input />
      </Form.Item>
    </FormDialog>
  );
}

export function Block(props: Props) {
  const { t } = useTexts();
  const required = { required: true, message: t("common.required") };
  return (
    <FormDialog<{ mode: Schema<"BlacklistMode"> | "none"; campaign_id?: string; until?: string | null; reason: string }>
      isOpen={props.isOpen}
      onClose={props.onClose}
      refresh={["shopper", props.shopper]}
      title={t("shopper.block_title", { shopper: props.shopper })}
      ok={t("common.save")}
      isDanger
      initial={{ mode: "refuse" }}
      act={async ({ mode, campaign_id, until, reason }) => {
        const params = { path: { external_id: props.shopper } };
        const where = campaign_id ? { campaign_id } : {};
        if (mode === "none") return must(koi.DELETE("/api/v1/shoppers/{external_id}/blacklist", { params, body: { ...where, reason } }));
        return must(koi.PUT("/api/v1/shoppers/{external_id}/blacklist", { params, body: { mode, reason, ...where, ...(until ? { until } : {}) } }));
      }}
    >
      <Form.Item name="mode" label={t("shopper.mode")}>
        <Radio.Group
          style={{ display: "grid", gap: 6 }}
          options={[
            { value: "refuse", label: t("shopper.mode_refuse") },
            { value: "points_only", label: t("shopper.mode_points_only") },
            { value: "none", label: t("shopper.mode_none") },
          ]}
        />
      </Form.Item>
      <Form.Item name="campaign_id" label={t("nav.campaign")}>
        <CampaignSelect isOptional />
      </Form.Item>
      <Form.Item name="until" label={t("shopper.until")} extra={t("shopper.until_hint")}>
        <MomentInput zone={OWN_ZONE} />
      </Form.Item>
      <Form.Item name="reason" label={t("table.reason")} rules={[required]}>
        <Input />
      </Form.Item>
    </FormDialog>
  );
}
