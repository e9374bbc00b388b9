import { must } from "@koi/client";
import { Alert, Form, Modal } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { koi } from "../../../lib/koi";
import { useProblemText } from "../../../lib/problems";
import { useTexts } from "../../../lib/texts";
import type { Campaign } from "./definition";
import { MomentInput } from "./fields";

interface Props {
  campaign: Campaign;
  /** The edit that was refused because a shopper may be worse off. */
  changes: Record<string, unknown> | undefined;
  onClose: () => void;
  onDone: () => void;
}

/** Makes a version of a refused live edit, which is announced before it holds. */
export function Announce({ campaign, changes, onClose, onDone }: Props) {
  const { t } = useTexts();
  const text = useProblemText();
  const go = useNavigate();
  const queries = useQueryClient();
  const [at, setAt] = useState<string | null>(null);
  const draft = useMutation({
    mutationFn: () =>
      must(koi.POST("/api/v1/campaigns/{id}/versions", { params: { path: { id: campaign.id } }, body: { changes: (changes ?? {}) as Record<string, never>, ...(at ? { effective_at: at } : {}) } })),
    onSuccess: async (version) => {
      onDone();
      onClose();
      await queries.invalidateQueries({ queryKey: ["campaign", campaign.id] });
      // After the form has let go of its edits, which would otherwise hold the page.
      setTimeout(() => void go(`/campaigns/${campaign.id}/versions?version=${version.version}`));
    },
  });
  return (
    <Modal open={changes !== undefined} title={t("announce.title")} okText={t("announce.make")} onOk={() => draft.mutate()} okButtonProps={{ loading: draft.isPending }} onCancel={onClose} destroyOnHidden>
      <p>{t("announce.why")}</p>
      {draft.error && <Alert type="error" showIcon title={text(draft.error)} style={{ marginBottom: 12 }} />}
      <Form component={false} layout="vertical">
        <Form.Item label={t("announce.at")} extra={t("announce.at_hint")}>
          <MomentInput zone={campaign.time_zone ?? "UTC"} value={at} onChange={setAt} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
