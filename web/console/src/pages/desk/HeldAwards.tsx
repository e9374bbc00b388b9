import { must, type Schema } from "@koi/client";
import { Button, Form, Input, Space } from "antd";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Head, Id, Money, Time } from "../../parts/basics";
import { CampaignLink, ShopperLink } from "../../parts/DeskLists";
import { FormDialog } from "../../parts/FormDialog";
import { ServerTable } from "../../parts/ServerTable";

type Award = Schema<"ShopAward">;

/** Awards that the risk rule holds back until a person has looked at them. */
export function HeldAwards() {
  const { t, word } = useTexts();
  const [asked, setAsked] = useState<{ award: Award; approve: boolean }>();
  return (
    <>
      <Head title={t("nav.held")} note={t("held.note")} />
      <ServerTable<Award>
        path="/awards/held"
        name={["awards", "held"]}
        label={t("nav.held")}
        empty={t("held.none")}
        everyMs={15_000}
        filters={[
          { kind: "text", name: "shopper", label: t("shopper.external_id") },
          { kind: "text", name: "q", label: t("design.prize_name") },
        ]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("table.at"), key: "at", sort: "at", render: (_, row) => <Time at={row.at} /> },
          { title: t("table.shopper"), key: "shopper", sort: "shopper", render: (_, row) => <ShopperLink shopper={row.shopper} /> },
          { title: t("nav.campaign"), key: "campaign", className: "k-wrap", render: (_, row) => <CampaignLink id={row.campaign_id} /> },
          { title: t("design.prize_name"), key: "prize", sort: "prize_name", className: "k-wrap", render: (_, row) => row.prize.name },
          { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", row.prize.kind) },
          { title: t("design.value"), key: "value", sort: "prize_value_cents", align: "right", render: (_, row) => <Money cents={row.prize.value_cents} /> },
          { title: "ID", key: "id", render: (_, row) => <Id value={row.id} chars={12} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) => (
              <Space>
                <Button size="small" type="primary" onClick={() => setAsked({ award: row, approve: true })}>
                  {t("held.give")}
                </Button>
                <Button size="small" danger onClick={() => setAsked({ award: row, approve: false })}>
                  {t("held.refuse")}
                </Button>
              </Space>
            ),
          },
        ]}
      />
      {asked && <Review {...asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function Review({ award, approve, onClose }: { award: Award; approve: boolean; onClose: () => void }) {
  const { t } = useTexts();
  return (
    <FormDialog<{ reason: string }>
      isOpen
      onClose={onClose}
      title={t(approve ? "held.give_title" : "held.refuse_title", { prize: award.prize.name, shopper: award.shopper })}
      ok={t(approve ? "held.give" : "held.refuse")}
      isDanger={!approve}
      refresh={["awards", "held"]}
      act={({ reason }) => must(koi.POST("/api/v1/awards/{id}/review", { params: { path: { id: award.id } }, body: { approve, reason } }))}
    >
      <p className="k-muted">{t(approve ? "held.give_why" : "held.refuse_why")}</p>
      <Form.Item name="reason" label={t("table.reason")} rules={[{ required: true, message: t("common.required") }]}>
        <Input maxLength={200} />
      </Form.Item>
    </FormDialog>
  );
}
