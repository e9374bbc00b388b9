import { Card, Form, Input, InputNumber, Radio, Select, Switch } from "antd";
import { useTexts } from "../../../lib/texts";
import { MomentInput, ZoneSelect } from "./fields";

const CURRENCIES = ["CNY", "EUR", "GBP", "HKD", "JPY", "KRW", "SGD", "TWD", "USD"];

const SKINS = ["nine_grid", "wheel", "scratch", "egg", "slots"];

/** What it is called, when it runs, what shoppers are told. */
export function Basics({ zone }: { zone: string }) {
  const { t, word } = useTexts();
  const required = { required: true, message: t("common.required") };
  return (
    <Card>
      <Form.Item name="name" label={t("design.name")} rules={[required]}>
        <Input maxLength={200} showCount />
      </Form.Item>
      <div className="k-pair">
        <Form.Item name="starts_at" label={t("design.starts_at")} rules={[required]}>
          <MomentInput zone={zone} />
        </Form.Item>
        <Form.Item name="ends_at" label={t("design.ends_at")} rules={[required]} extra={t("design.ends_at_hint")}>
          <MomentInput zone={zone} />
        </Form.Item>
        <Form.Item name="time_zone" label={t("design.time_zone")} extra={t("design.time_zone_hint")}>
          <ZoneSelect />
        </Form.Item>
        <Form.Item name="currency" label={t("design.currency")}>
          <Select showSearch options={CURRENCIES.map((code) => ({ value: code, label: code }))} />
        </Form.Item>
        <Form.Item name="visible_from" label={t("design.visible_from")} extra={t("design.visible_from_hint")}>
          <MomentInput zone={zone} />
        </Form.Item>
        <Form.Item name="visible_until" label={t("design.visible_until")} extra={t("design.visible_until_hint")}>
          <MomentInput zone={zone} />
        </Form.Item>
      </div>
      <Form.Item name="skin" label={t("design.skin")} extra={t("design.skin_hint")}>
        <Radio.Group options={SKINS.map((value) => ({ value, label: word("skin", value) }))} />
      </Form.Item>
      <Form.Item name="description" label={t("design.description")} extra={t("design.description_hint")}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} />
      </Form.Item>
      <div className="k-pair">
        <Form.Item name="claim_terms" label={t("design.claim_terms")} extra={t("design.claim_terms_hint")}>
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} />
        </Form.Item>
        <div>
          <Form.Item name="claim_days" label={t("design.claim_days")} extra={t("design.claim_days_hint")}>
            <InputNumber min={1} precision={0} suffix={t("unit.days")} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="expected_draws" label={t("design.expected_draws")} extra={t("design.expected_draws_hint")}>
            <InputNumber min={0} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="strict" label={t("design.strict")} valuePropName="checked" extra={t("design.strict_hint")}>
            <Switch />
          </Form.Item>
        </div>
      </div>
    </Card>
  );
}
