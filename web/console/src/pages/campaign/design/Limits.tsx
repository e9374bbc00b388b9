import { Card, Form, Switch } from "antd";
import { useTexts } from "../../../lib/texts";
import { MoneyInput, NumberField } from "./fields";

/** What bounds the draws and what they cost. */
export function Limits({ currency }: { currency: string }) {
  const { t, word } = useTexts();
  const draws = t("unit.draws");
  return (
    <>
      <Card size="small" title={t("design.limits_shopper")} style={{ marginBottom: 12 }}>
        <div className="k-fields">
          <NumberField name={["limits", "per_shopper"]} label="design.per_shopper" suffix={draws} />
          <NumberField name={["limits", "per_day"]} label="design.per_day" suffix={draws} />
          <NumberField name={["limits", "per_week"]} label="design.per_week" suffix={draws} />
          <NumberField name={["limits", "cooldown_seconds"]} label="design.cooldown" suffix={t("unit.seconds")} />
          <NumberField name={["limits", "global"]} label="design.global" hint="design.global_hint" suffix={draws} />
          <NumberField name={["limits", "global_per_day"]} label="design.global_per_day" hint="design.global_hint" suffix={draws} />
          <Form.Item name={["limits", "new_shoppers"]} label={t("design.new_shoppers")} valuePropName="checked">
            <Switch />
          </Form.Item>
        </div>
      </Card>
      <Card size="small" title={t("design.limits_campaign")} style={{ marginBottom: 12 }}>
        <div className="k-fields">
          <NumberField name={["limits", "per_campaign"]} label="design.per_campaign" suffix={draws} />
          <Form.Item name={["limits", "budget_cents"]} label={t("design.budget")} extra={t("design.budget_hint")}>
            <MoneyInput currency={currency} />
          </Form.Item>
        </div>
      </Card>
      <Card size="small" title={word("member", "composition")}>
        <p className="k-muted" style={{ marginTop: 0 }}>
          {t("design.arms_note")}
        </p>
        <div className="k-fields">
          <NumberField name={["composition", "random_percent"]} label="design.random_percent" hint="design.random_percent_hint" suffix="%" max={100} />
          <NumberField name={["composition", "popular_percent"]} label="design.popular_percent" hint="design.popular_percent_hint" suffix="%" max={100} />
          <NumberField name={["composition", "explore_percent"]} label="design.explore_percent" hint="design.explore_percent_hint" suffix="%" max={100} />
        </div>
      </Card>
    </>
  );
}
