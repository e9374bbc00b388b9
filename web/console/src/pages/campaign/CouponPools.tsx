import { must, type Schema } from "@koi/client";
import { Alert, App, Button, Card, Empty, Form, Input, Modal, Upload } from "antd";
import { UploadOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Num, ProblemNote, Tiles } from "../../parts/basics";
import { useCampaign } from "./CampaignFrame";

/** The codes behind each coupon prize: how many are free, and more of them. */
export function CouponPools() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const coupons = campaign.prizes.filter((prize) => prize.kind === "coupon");
  if (coupons.length === 0) return <Empty description={t("coupons.none")} />;
  return (
    <>
      <p className="k-muted">{t("coupons.note")}</p>
      <div className="k-grid">
        {coupons.map((prize) => (
          <div key={prize.code} style={{ "--span": 6 } as React.CSSProperties}>
            <Pool prize={prize} />
          </div>
        ))}
      </div>
    </>
  );
}

function Pool({ prize }: { prize: Schema<"CampaignPrize"> }) {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const may = useMay();
  const [isOpen, setOpen] = useState(false);
  const found = useQuery({
    queryKey: ["campaign", campaign.id, "coupons", prize.code],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/prizes/{code}/coupons", { params: { path: { id: campaign.id, code: prize.code } }, signal })),
    refetchInterval: 10_000,
  });
  return (
    <Card
      title={prize.name}
      extra={
        may("awards_manage") && (
          <Button size="small" icon={<UploadOutlined />} onClick={() => setOpen(true)}>
            {t("coupons.add")}
          </Button>
        )
      }
    >
      {found.error && <ProblemNote error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <>
          <Tiles
            tiles={[
              { name: t("coupons.free"), value: <Num value={found.data.free} /> },
              { name: t("coupons.assigned"), value: <Num value={found.data.assigned} /> },
            ]}
          />
          {found.data.free === 0 && <Alert type="warning" showIcon title={t("coupons.empty")} />}
        </>
      )}
      <Add prize={prize} isOpen={isOpen} onClose={() => setOpen(false)} />
    </Card>
  );
}

function Add({ prize, isOpen, onClose }: { prize: Schema<"CampaignPrize">; isOpen: boolean; onClose: () => void }) {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [codes, setCodes] = useState("");
  const list = codes.split(/[\s,;]+/).filter(Boolean);
  const add = useMutation({
    mutationFn: () => must(koi.POST("/api/v1/campaigns/{id}/prizes/{code}/coupons", { params: { path: { id: campaign.id, code: prize.code } }, body: { codes: list } })),
    onSuccess: async (after) => {
      message.success(t("coupons.added", { added: after.added, duplicates: after.duplicates }));
      setCodes("");
      onClose();
      await queries.invalidateQueries({ queryKey: ["campaign", campaign.id, "coupons"] });
    },
  });
  return (
    <Modal open={isOpen} title={t("coupons.add_to", { name: prize.name })} onCancel={onClose} onOk={() => add.mutate()} okText={t("coupons.add_count", { count: list.length })} okButtonProps={{ disabled: list.length === 0, loading: add.isPending }}>
      {add.error && <Alert type="error" showIcon title={text(add.error)} style={{ marginBottom: 12 }} />}
      <Form component={false} layout="vertical">
        <Form.Item label={t("coupons.codes")} extra={t("coupons.codes_hint")} htmlFor={`codes-${prize.code}`}>
          <Input.TextArea id={`codes-${prize.code}`} value={codes} onChange={({ target }) => setCodes(target.value)} autoSize={{ minRows: 5, maxRows: 14 }} className="k-mono" />
        </Form.Item>
        <Upload
          accept=".csv,.txt"
          showUploadList={false}
          beforeUpload={async (file) => {
            // One code a line, or the first column of a file with a header `code`.
            const lines = (await file.text()).split(/\r?\n/).map((line) => (line.split(",")[0] ?? "").replaceAll('"', "").trim());
            setCodes(lines.filter((line) => line !== "" && line !== "code").join("\n"));
            return false;
          }}
        >
          <Button icon={<UploadOutlined />}>{t("coupons.from_file")}</Button>
        </Upload>
      </Form>
    </Modal>
  );
}
