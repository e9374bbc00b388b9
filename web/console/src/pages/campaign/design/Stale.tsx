import { Button, Modal, Tag } from "antd";
import { useTexts } from "../../../lib/texts";
import type { Campaign, Merged } from "./definition";

export interface Clash {
  campaign: Campaign;
  etag: string | undefined;
  merged: Merged;
}

interface Props {
  clash: Clash | undefined;
  onClose: () => void;
  onMine: (clash: Clash) => void;
  onTheirs: (clash: Clash) => void;
}

/** Somebody else saved meanwhile: says what they changed and what both did, and lets the person choose. */
export function Stale({ clash, onClose, onMine, onTheirs }: Props) {
  const { t, word } = useTexts();
  return (
    <Modal
      open={clash !== undefined}
      title={t("stale.title")}
      onCancel={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("stale.keep")}</Button>
          <Button danger onClick={() => clash && onTheirs(clash)}>
            {t("stale.theirs")}
          </Button>
          <Button type="primary" onClick={() => clash && onMine(clash)}>
            {t("stale.mine")}
          </Button>
        </>
      }
    >
      <p>{t("stale.why")}</p>
      {clash && (
        <>
          <Members title={t("stale.by_them")} names={clash.merged.theirs.map((name) => word("member", name))} />
          <Members title={t("stale.by_both")} names={clash.merged.both.map((name) => word("member", name))} />
          <p className="k-muted">{t("stale.how")}</p>
        </>
      )}
    </Modal>
  );
}

function Members({ title, names }: { title: string; names: string[] }) {
  const { t } = useTexts();
  return (
    <p>
      {title}
      {names.length === 0 ? t("common.none") : names.map((name) => <Tag key={name}>{name}</Tag>)}
    </p>
  );
}
