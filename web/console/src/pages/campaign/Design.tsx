import { Problem } from "@koi/client";
import { Alert, App, Button, Form } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { useCurrentInView } from "../../lib/in-view";
import { ifMatch, koi, tagged } from "../../lib/koi";
import { useLeaving } from "../../lib/leaving";
import { namePath } from "../../lib/path";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { campaignKey, useCampaign } from "./CampaignFrame";
import { Basics } from "./design/Basics";
import { Chances } from "./design/Chances";
import { Check } from "./design/Check";
import { changesOf, merge, STEPS, stepOf, tidy, type Campaign, type Step } from "./design/definition";
import { Entry } from "./design/Entry";
import { Limits } from "./design/Limits";
import { Pools } from "./design/Pools";
import { Preview } from "./design/Preview";
import { Prizes } from "./design/Prizes";
import { Tiers } from "./design/Tiers";
import { Announce } from "./design/Announce";
import { Stale, type Clash } from "./design/Stale";

type Members = Record<string, unknown>;

interface Base {
  campaign: Campaign;
  etag: string | undefined;
  /** A new one shows the form anew, with what the campaign says. */
  generation: number;
}

/** The design of a campaign: one form in panels, saved as the changes that were made and nothing else. */
export function Design() {
  const { campaign, etag } = useCampaign();
  // What the edits started from: it stays while another version is on its way, so that neither side is lost silently.
  const [base, setBase] = useState<Base>({ campaign, etag, generation: 0 });
  const [isDirty, setDirty] = useState(false);
  if (!isDirty && base.etag !== etag) setBase({ campaign, etag, generation: base.generation + 1 });
  return <DesignForm key={base.generation} base={base} onBase={setBase} onDirty={setDirty} isDirty={isDirty} />;
}

interface FormProps {
  base: Base;
  onBase: (base: Base) => void;
  isDirty: boolean;
  onDirty: (isDirty: boolean) => void;
}

function DesignForm({ base, onBase, isDirty, onDirty }: FormProps) {
  const { t } = useTexts();
  const [form] = Form.useForm();
  const may = useMay();
  const { campaign } = base;
  const start = useMemo(() => tidy(campaign as unknown as Members), [campaign]);
  const { step, setStep, lead } = useStep(form);
  const { save, changes, problem, clash, setClash, against, setAgainst } = useSave(form, base, onBase, onDirty, lead);
  useLeaving(isDirty);
  const steps = useCurrentInView<HTMLElement>(step);
  const currency = (Form.useWatch("currency", form) as string | undefined) ?? campaign.currency ?? "CNY";
  const zone = (Form.useWatch("time_zone", form) as string | undefined) ?? campaign.time_zone ?? "UTC";
  const canEdit = may("campaigns_edit") && campaign.state !== "ended" && campaign.state !== "archived";
  const panels: Record<Step, React.ReactNode> = {
    basics: <Basics zone={zone} />,
    prizes: <Prizes currency={currency} zone={zone} />,
    tiers: <Tiers currency={currency} />,
    pools: <Pools />,
    chances: <Chances currency={currency} />,
    limits: <Limits currency={currency} />,
    entry: <Entry />,
    // Asked of the server only while somebody looks.
    check: step === "check" ? <Check campaign={campaign} etag={base.etag} edits={changes} /> : null,
  };
  return (
    <Form
      className="k-design-form"
      form={form}
      layout="vertical"
      initialValues={start}
      disabled={!canEdit}
      onValuesChange={() => onDirty(true)}
      onFinish={() => save.mutate()}
      onFinishFailed={({ errorFields }) => {
        const [head] = errorFields[0]?.name ?? [];
        lead(String(head ?? "name"), errorFields[0]?.name as (string | number)[]);
      }}
      scrollToFirstError
    >
      <div className="k-design" data-step={step}>
        <nav ref={steps} aria-label={t("design.parts")} className="k-design-steps">
          {STEPS.map((name, index) => (
            <button key={name} type="button" aria-current={name === step ? "step" : undefined} onClick={() => setStep(name)}>
              <span aria-hidden>{index + 1}</span>
              {t(`design.step_${name}`)}
            </button>
          ))}
        </nav>
        <div style={{ minWidth: 0 }}>
          {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} role="alert" />}
          {campaign.state !== "draft" && canEdit && <Alert type="info" showIcon title={t("design.published")} style={{ marginBottom: 12 }} />}
          {STEPS.map((name) => (
            <section key={name} hidden={name !== step} aria-label={t(`design.step_${name}`)}>
              {panels[name]}
            </section>
          ))}
        </div>
        {step !== "check" && <Preview currency={currency} />}
      </div>
      {canEdit && (
        <div className="k-savebar">
          <output className="k-muted">{isDirty ? t("design.unsaved") : t("design.saved")}</output>
          <Button
            disabled={!isDirty}
            onClick={() => {
              onDirty(false);
              onBase({ ...base, generation: base.generation + 1 });
            }}
          >
            {t("design.discard")}
          </Button>
          <Button type="primary" htmlType="submit" loading={save.isPending} disabled={!isDirty}>
            {t("common.save")}
          </Button>
        </div>
      )}
      <Stale
        clash={clash}
        onClose={() => setClash(undefined)}
        onMine={({ merged, campaign: current, etag }) => {
          form.setFieldsValue(blank(form.getFieldsValue(true) as Members, merged.definition));
          onBase({ campaign: current, etag, generation: base.generation });
          onDirty(true);
          setClash(undefined);
        }}
        onTheirs={({ campaign: current, etag }) => {
          onBase({ campaign: current, etag, generation: base.generation + 1 });
          onDirty(false);
          setClash(undefined);
        }}
      />
      <Announce campaign={campaign} changes={against} onClose={() => setAgainst(undefined)} onDone={() => onDirty(false)} />
    </Form>
  );
}

/** Values to set, with those that are to vanish said to be nothing: a form keeps what it is not told about. */
function blank(shown: Members, wanted: Members): Members {
  const gone = Object.keys(shown).filter((key) => !(key in wanted));
  return { ...Object.fromEntries(gone.map((key) => [key, undefined])), ...wanted };
}

/** Which panel is shown: the address says so, and a finding may lead to a field of it. */
function useStep(form: ReturnType<typeof Form.useForm>[0]) {
  const [params, setParams] = useSearchParams();
  const asked = params.get("step");
  const field = params.get("field");
  const step = (STEPS as readonly string[]).includes(asked ?? "") ? (asked as Step) : "basics";
  const setStep = useCallback((next: Step) => setParams({ step: next }, { replace: true }), [setParams]);
  const lead = useCallback(
    (head: string, path?: (string | number)[]) => {
      const next = stepOf(head);
      if (next !== "flow") setParams({ step: next, ...(path ? { field: path.join(".") } : {}) }, { replace: true });
    },
    [setParams],
  );
  useEffect(() => {
    if (!field) return;
    const path = namePath(field).map((part) => (/^\d+$/.test(String(part)) ? Number(part) : part));
    if (!path.some((part) => part === step) && stepOf(field) !== step) return;
    // The panel is shown by this very render; its fields have their place after it.
    const frame = requestAnimationFrame(() => {
      form.scrollToField(path, { block: "center", focus: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [field, form, step]);
  return { step, setStep, lead };
}

/** Saves what was changed against what it started from. */
function useSave(form: ReturnType<typeof Form.useForm>[0], base: FormProps["base"], onBase: FormProps["onBase"], onDirty: FormProps["onDirty"], lead: ReturnType<typeof useStep>["lead"]) {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [problem, setProblem] = useState<string>();
  const [clash, setClash] = useState<Clash>();
  const [against, setAgainst] = useState<Members>();
  const { id } = base.campaign;
  const read = () => tagged(koi.GET("/api/v1/campaigns/{id}", { params: { path: { id } } }));
  const edited = () => form.getFieldsValue(true) as Members;
  const changes = () => changesOf(base.campaign as unknown as Members, { ...(base.campaign as unknown as Members), ...edited() });
  const save = useMutation({
    mutationFn: () => tagged(koi.PATCH("/api/v1/campaigns/{id}", { params: { path: { id }, ...ifMatch(base.etag) }, body: changes() as Record<string, never> })),
    onMutate: () => setProblem(undefined),
    onSuccess: (after) => {
      queries.setQueryData(campaignKey(id), after);
      onBase({ campaign: after.value, etag: after.etag, generation: base.generation });
      onDirty(false);
      message.success(t("design.saved"));
    },
    onError: async (thrown) => {
      const refused = Problem.from(thrown);
      if (refused.status === 412) {
        const current = await read();
        const mine = { ...(base.campaign as unknown as Members), ...edited() };
        setClash({ campaign: current.value, etag: current.etag, merged: merge(base.campaign as unknown as Members, mine, current.value as unknown as Members) });
      } else if (refused.code === "against_shopper") {
        setAgainst(changes());
      } else {
        setProblem(text(refused));
        if (refused.field === undefined) return;
        const path = namePath(refused.field);
        form.setFields([{ name: path, errors: [text(refused)] }]);
        lead(refused.field, path);
      }
    },
  });
  return { save, changes, problem, clash, setClash, against, setAgainst };
}
