import { must, Problem, type Finding, type Schema } from "@koi/client";
import { Alert, App, Button, Checkbox, Modal, Tag } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { stepOf, type Campaign } from "./design/definition";

type Found = Finding | Schema<"Finding">;

/** Publishes a draft: the server's checks are listed, each leading to its field; warnings are acknowledged by name. */
export function Publish({ campaign, isOpen, onClose }: { campaign: Campaign; isOpen: boolean; onClose: () => void }) {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [told, setFindings] = useState<readonly Found[]>();
  const [seen, setSeen] = useState<string[]>([]);
  // Said before anybody presses the button: nothing is promised by looking.
  const check = useQuery({
    queryKey: ["campaign", campaign.id, "check", campaign.version],
    queryFn: ({ signal }) => must(koi.POST("/api/v1/campaigns/{id}/check", { params: { path: { id: campaign.id } }, body: {}, signal })),
    enabled: isOpen && campaign.state === "draft",
    staleTime: 0,
  });
  const findings = told ?? check.data?.findings ?? [];
  const publish = useMutation({
    mutationFn: () => must(koi.POST("/api/v1/campaigns/{id}/publish", { params: { path: { id: campaign.id } }, body: { acknowledge: seen } })),
    onSuccess: async (after) => {
      message.success(after.state === "live" ? t("campaign.is_live") : t("campaign.is_scheduled"));
      await queries.invalidateQueries({ queryKey: ["campaign", campaign.id] });
      await queries.invalidateQueries({ queryKey: ["campaigns"] });
      setFindings(after.findings ?? []);
      if ((after.findings ?? []).length === 0) onClose();
    },
    onError: (thrown) => setFindings(Problem.from(thrown).findings),
  });
  const warnings = findings.filter((finding) => finding.severity === "warning");
  const hasErrors = findings.some((finding) => finding.severity === "error");
  const isDone = publish.isSuccess;
  return (
    <Modal
      open={isOpen}
      title={t("campaign.publish_title", { name: campaign.name })}
      okText={isDone ? t("common.close") : t("campaign.publish")}
      onOk={() => (isDone ? onClose() : publish.mutate())}
      okButtonProps={{ loading: publish.isPending }}
      cancelButtonProps={isDone ? { style: { display: "none" } } : {}}
      onCancel={onClose}
      afterClose={() => {
        publish.reset();
        setFindings(undefined);
        setSeen([]);
      }}
      width={640}
    >
      <p>{t("campaign.publish_why")}</p>
      {publish.error && <Alert type="error" showIcon title={hasErrors ? t("campaign.publish_blocked") : text(publish.error)} style={{ marginBottom: 12 }} />}
      {!publish.error && !isDone && hasErrors && <Alert type="warning" showIcon title={t("campaign.publish_blocked")} style={{ marginBottom: 12 }} />}
      {isDone && findings.length > 0 && <Alert type="success" showIcon title={t("campaign.published_with_warnings")} style={{ marginBottom: 12 }} />}
      <Findings findings={findings} campaign={campaign.id} onGo={onClose} />
      {!isDone && !hasErrors && warnings.length > 0 && (
        <Checkbox checked={seen.length > 0} onChange={({ target }) => setSeen(target.checked ? [...new Set(warnings.map((one) => one.code))] : [])} style={{ marginTop: 12 }}>
          {t("campaign.acknowledge")}
        </Checkbox>
      )}
    </Modal>
  );
}

/** What a check found; each leads to the field it is about. */
export function Findings({ findings, campaign, onGo }: { findings: readonly Found[]; campaign: string; onGo?: () => void }) {
  const { t, word, language } = useTexts();
  const go = useNavigate();
  const lead = (field: string) => {
    const step = stepOf(field);
    onGo?.();
    void go(step === "flow" ? `/campaigns/${campaign}/flow` : `/campaigns/${campaign}/design?step=${step}&field=${encodeURIComponent(field)}`);
  };
  return (
    <ul className="k-findings">
      {findings.map((finding, index) => (
        <li key={`${finding.code}-${index}`}>
          <Tag color={finding.severity === "error" ? "error" : "warning"}>{word("severity", finding.severity)}</Tag>
          <div>
            <strong>{word("finding", finding.code)}</strong>
            <div className="k-muted" lang="en">
              {language === "en" || finding.detail ? finding.detail : null}
            </div>
          </div>
          {finding.field && (
            <Button size="small" onClick={() => lead(finding.field as string)}>
              {t("campaign.to_field")}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
