import { Alert, Button, Modal, Typography } from "antd";
import { useTexts } from "../lib/texts";

/** A secret that is shown once. */
export function Secret({ secret, title, onClose }: { secret: string | undefined; title: string; onClose: () => void }) {
  const { t } = useTexts();
  return (
    <Modal open={secret !== undefined} title={title} onCancel={onClose} mask={{ closable: false }} footer={<Button type="primary" onClick={onClose}>{t("secret.kept")}</Button>}>
      <Alert type="warning" showIcon title={t("secret.once")} style={{ marginBottom: 16 }} />
      <Typography.Paragraph code copyable={{ text: secret ?? "", tooltips: [t("common.copy"), t("common.copied")] }} style={{ overflowWrap: "anywhere" }}>
        {secret}
      </Typography.Paragraph>
    </Modal>
  );
}
