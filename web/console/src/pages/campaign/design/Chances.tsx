import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Card, Form, InputNumber } from "antd";
import type { ReactNode } from "react";
import { useTexts } from "../../../lib/texts";
import { MoneyInput, NumberField } from "./fields";
import { Range } from "./Prizes";

/** How shoppers come by chances, and by points. */
export function Chances({ currency }: { currency: string }) {
  const { t } = useTexts();
  return (
    <>
      <Group title={t("design.by_visit")}>
        <NumberField name={["chances", "sign_in"]} label="design.sign_in" suffix={t("unit.chances")} />
        <Form.Item label={t("design.points_on_sign_in")} htmlFor="chances_points_on_sign_in_min">
          <Range name={["chances", "points_on_sign_in"]} first={t("design.min")} last={t("design.max")} />
        </Form.Item>
        <NumberField name={["chances", "referral"]} label="design.referral" hint="design.referral_hint" suffix={t("unit.chances")} />
        <NumberField name={["chances", "referred"]} label="design.referred" hint="design.referred_hint" suffix={t("unit.chances")} />
      </Group>
      <Streaks />
      <Group title={t("design.by_purchase")}>
        <Form.Item name={["chances", "per_purchase_cents"]} label={t("design.per_purchase")} extra={t("design.per_purchase_hint")}>
          <MoneyInput currency={currency} />
        </Form.Item>
        <Form.Item label={t("design.points_on_purchase")} htmlFor="chances_points_on_purchase_min">
          <Range name={["chances", "points_on_purchase"]} first={t("design.min")} last={t("design.max")} />
        </Form.Item>
        <NumberField name={["chances", "return_window_days"]} label="design.return_window" hint="design.return_window_hint" suffix={t("unit.days")} />
      </Group>
      <SpendPoints currency={currency} />
      <Group title={t("design.by_price")}>
        <NumberField name={["chances", "points_price"]} label="design.points_price" suffix={t("unit.points")} min={1} />
        <Form.Item name={["chances", "paid_price_cents"]} label={t("design.paid_price")}>
          <MoneyInput currency={currency} />
        </Form.Item>
        <NumberField name={["chances", "unpaid_seconds"]} label="design.unpaid" hint="design.unpaid_hint" suffix={t("unit.seconds")} />
      </Group>
      <Group title={t("design.validity")}>
        <NumberField name={["chances", "valid_days"]} label="design.valid_days" hint="design.valid_days_hint" suffix={t("unit.days")} />
        <NumberField name={["chances", "points_valid_days"]} label="design.points_valid_days" hint="design.valid_days_hint" suffix={t("unit.days")} />
      </Group>
    </>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card size="small" title={title} style={{ marginBottom: 12 }}>
      <div className="k-fields">{children}</div>
    </Card>
  );
}

function Streaks() {
  const { t } = useTexts();
  return (
    <Card size="small" title={t("design.streaks")} style={{ marginBottom: 12 }}>
      <p className="k-muted" style={{ marginTop: 0 }}>
        {t("design.streaks_hint")}
      </p>
      <Form.List name={["chances", "streaks"]}>
        {(fields, { add, remove }) => (
          <>
            {fields.map((field) => (
              <div key={field.key} style={{ display: "flex", gap: 8, marginBottom: 8, flexWrap: "wrap" }}>
                <Form.Item name={[field.name, "days"]} noStyle>
                  <InputNumber min={1} precision={0} suffix={t("unit.days_in_a_row")} aria-label={t("design.streak_days")} style={{ width: 170 }} />
                </Form.Item>
                <Form.Item name={[field.name, "chances"]} noStyle>
                  <InputNumber min={0} precision={0} suffix={t("unit.chances")} aria-label={t("design.streak_chances")} style={{ width: 150 }} />
                </Form.Item>
                <Form.Item name={[field.name, "points"]} noStyle>
                  <InputNumber min={0} precision={0} suffix={t("unit.points")} aria-label={t("design.streak_points")} style={{ width: 150 }} />
                </Form.Item>
                <Button type="text" icon={<DeleteOutlined />} aria-label={t("common.remove")} onClick={() => remove(field.name)} />
              </div>
            ))}
            <Button size="small" type="dashed" icon={<PlusOutlined />} onClick={() => add({ chances: 1 })}>
              {t("design.add_streak")}
            </Button>
          </>
        )}
      </Form.List>
    </Card>
  );
}

function SpendPoints({ currency }: { currency: string }) {
  const { t } = useTexts();
  return (
    <Card size="small" title={t("design.points_by_spend")} style={{ marginBottom: 12 }}>
      <Form.List name={["chances", "points_by_spend"]}>
        {(fields, { add, remove }) => (
          <>
            {fields.map((field) => (
              <div key={field.key} style={{ display: "flex", gap: 8, marginBottom: 8, flexWrap: "wrap" }}>
                <div style={{ width: 180 }}>
                  <Form.Item name={[field.name, "from_cents"]} noStyle>
                    <MoneyInput currency={currency} placeholder={t("design.from_spend")} aria-label={t("design.from_spend")} />
                  </Form.Item>
                </div>
                <Range name={[field.name]} first={t("design.min")} last={t("design.max")} />
                <Button type="text" icon={<DeleteOutlined />} aria-label={t("common.remove")} onClick={() => remove(field.name)} />
              </div>
            ))}
            <Button size="small" type="dashed" icon={<PlusOutlined />} onClick={() => add({})}>
              {t("design.add_step")}
            </Button>
          </>
        )}
      </Form.List>
    </Card>
  );
}
