import { must, type Schema } from "@koi/client";
import { Button, Form, Input, InputNumber, Radio } from "antd";
import { DownloadOutlined, PlusOutlined } from "@ant-design/icons";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Id, Num, Time } from "../../parts/basics";
import { useChoice } from "../../parts/DeskLists";
import { FormDialog } from "../../parts/FormDialog";
import { ServerTable } from "../../parts/ServerTable";
import { useCampaign } from "./CampaignFrame";
import { MomentInput } from "./design/fields";

/** Batches of redeem codes: made here or brought along, exported with how often each was used. */
export function Codes() {
  const { campaign } = useCampaign();
  const { t, word } = useTexts();
  const choice = useChoice();
  const may = useMay();
  const [isOpen, setOpen] = useState(false);
  const zone = campaign.time_zone ?? "UTC";
  return (
    <>
      <ServerTable<Schema<"CodeBatch">>
        path={`/campaigns/${campaign.id}/codes`}
        name={["campaign", campaign.id, "codes"]}
        label={t("campaign.codes")}
        empty={t("codes.none")}
        filters={[choice("origin", t("codes.origin"), "code_origin", ["generated", "imported"])]}
        extra={
          may("codes_manage") && campaign.state !== "ended" && campaign.state !== "archived" ? (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen(true)}>
              {t("codes.new")}
            </Button>
          ) : null
        }
        rowKey={(row) => row.batch_id}
        columns={[
          { title: t("campaign.created_at"), key: "at", sort: "created_at", render: (_, row) => <Time at={row.created_at} /> },
          { title: t("codes.origin"), key: "origin", render: (_, row) => word("code_origin", row.origin) },
          { title: t("codes.count"), key: "count", sort: "count", align: "right", render: (_, row) => <Num value={row.count} /> },
          { title: t("codes.used"), key: "used", sort: "used", align: "right", render: (_, row) => <Num value={row.used} /> },
          { title: t("codes.uses"), key: "uses", sort: "uses", align: "right", render: (_, row) => <Num value={row.uses} /> },
          { title: t("codes.chances"), key: "chances", sort: "chances", align: "right", render: (_, row) => <Num value={row.chances} /> },
          { title: t("codes.per_shopper"), key: "per", align: "right", render: (_, row) => (row.per_shopper ? <Num value={row.per_shopper} /> : t("design.unlimited")) },
          { title: t("design.starts_at"), key: "starts", render: (_, row) => <Time at={row.starts_at} zone={zone} /> },
          { title: t("design.ends_at"), key: "ends", sort: "ends_at", render: (_, row) => <Time at={row.ends_at} zone={zone} /> },
          { title: t("codes.batch"), key: "id", render: (_, row) => <Id value={row.batch_id} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) => (
              <Button size="small" icon={<DownloadOutlined aria-hidden />} href={`/api/v1/campaigns/${campaign.id}/codes/${row.batch_id}/export`}>
                {t("common.export_csv")}
              </Button>
            ),
          },
        ]}
      />
      <NewBatch isOpen={isOpen} onClose={() => setOpen(false)} />
    </>
  );
}

interface Given {
  from: "here" | "shop";
  count?: number;
  codes?: string;
  chances: number;
  uses?: number | null;
  per_shopper?: number | null;
  starts_at?: string | null;
  ends_at?: string | null;
}

function NewBatch({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const [from, setFrom] = useState<Given["from"]>("here");
  const required = { required: true, message: t("common.required") };
  const zone = campaign.time_zone ?? "UTC";
  return (
    <FormDialog<Given>
      isOpen={isOpen}
      onClose={onClose}
      title={t("codes.new")}
      ok={t("common.create")}
      refresh={["campaign", campaign.id, "codes"]}
      initial={{ from: "here", count: 100, chances: 1, uses: 1 }}
      act={({ count, codes, chances, uses, per_shopper, starts_at, ends_at }) =>
        must(
          koi.POST("/api/v1/campaigns/{id}/codes", {
            params: { path: { id: campaign.id } },
            body: {
              chances,
              ...(from === "here" ? { count: count ?? 1 } : { codes: (codes ?? "").split(/[\s,;]+/).filter(Boolean) }),
              ...(uses ? { uses } : {}),
              ...(per_shopper ? { per_shopper } : {}),
              ...(starts_at ? { starts_at } : {}),
              ...(ends_at ? { ends_at } : {}),
            },
          }),
        )
      }
    >
      <Form.Item name="from" label={t("codes.origin")}>
        <Radio.Group
          onChange={({ target }) => setFrom(target.value as Given["from"])}
          options={[
            { value: "here", label: t("codes.here") },
            { value: "shop", label: t("codes.shop") },
          ]}
        />
      </Form.Item>
      {from === "here" ? (
        <Form.Item name="count" label={t("codes.count")} rules={[required]}>
          <InputNumber min={1} max={100_000} precision={0} style={{ width: "100%" }} />
        </Form.Item>
      ) : (
        <Form.Item name="codes" label={t("coupons.codes")} rules={[required]} extra={t("codes.codes_hint")}>
          <Input.TextArea autoSize={{ minRows: 4, maxRows: 12 }} className="k-mono" />
        </Form.Item>
      )}
      <div className="k-fields">
        <Form.Item name="chances" label={t("codes.chances")} rules={[required]}>
          <InputNumber min={1} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="uses" label={t("codes.uses")}>
          <InputNumber min={1} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="per_shopper" label={t("codes.per_shopper")}>
          <InputNumber min={1} precision={0} placeholder={t("design.unlimited")} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="starts_at" label={t("design.starts_at")}>
          <MomentInput zone={zone} />
        </Form.Item>
        <Form.Item name="ends_at" label={t("design.ends_at")}>
          <MomentInput zone={zone} />
        </Form.Item>
      </div>
    </FormDialog>
  );
}
